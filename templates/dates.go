package templates

import (
	"strings"
	"time"

	cldr "github.com/go-playground/locales"
	"github.com/go-playground/locales/es_DO"
	"github.com/go-playground/locales/es_MX"

	"alta/pipeline"
)

// calendars returns how each locale writes dates.
func calendars() map[pipeline.Locale]cldr.Translator {
	return map[pipeline.Locale]cldr.Translator{pipeline.ESMX: es_MX.New(), pipeline.ESDO: es_DO.New()}
}

// spellOut writes a time in its own zone, to the minute before it, for example
// "martes 24 de noviembre de 2026 a las 14:30 (hora de Tijuana)". Names and
// order are CLDR's for the locale, and so are the 24-hour clock of es-MX and
// the 12-hour clock of es-DO. The zone is named because many users have only
// their country's default.
func spellOut(calendar cldr.Translator, t time.Time) string {
	clock := calendar.FmtTimeShort(t)
	article := "las"
	if strings.HasPrefix(clock, "1:") {
		article = "la"
	}
	return calendar.WeekdayWide(t.Weekday()) + " " + calendar.FmtDateLong(t) +
		" a " + article + " " + clock + " (hora " + zoneName(t) + ")"
}

// zoneName names the zone by its city, the generic location format of UTS #35,
// or by its offset when the zone is not a city.
func zoneName(t time.Time) string {
	area, city, _ := strings.Cut(t.Location().String(), "/")
	if !hasCities(area) {
		return t.Format("UTC-07:00")
	}
	if i := strings.LastIndexByte(city, '/'); i >= 0 {
		city = city[i+1:]
	}
	return "de " + exemplarCity(city)
}

// hasCities tells whether the zones of an area are named after cities, as the
// names of the IANA database are. Its older names are not: US/Pacific and
// Mexico/BajaNorte are regions, and Etc/GMT+5 is no place at all.
func hasCities(area string) bool {
	switch area {
	case "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific":
		return true
	}
	return false
}

// exemplarCity is CLDR's Spanish name of a zone's city. The module has no
// table of them, so those that users of the two countries are likely to live in
// are here; others are read off the identifier, as CLDR does.
func exemplarCity(city string) string {
	switch city {
	case "Mexico_City":
		return "Ciudad de México"
	case "Bahia_Banderas":
		return "Bahía de Banderas"
	case "Bogota":
		return "Bogotá"
	case "Cancun":
		return "Cancún"
	case "Ciudad_Juarez":
		return "Ciudad Juárez"
	case "Mazatlan":
		return "Mazatlán"
	case "Merida":
		return "Mérida"
	case "Los_Angeles":
		return "Los Ángeles"
	case "New_York":
		return "Nueva York"
	case "Tokyo":
		return "Tokio"
	}
	return strings.ReplaceAll(city, "_", " ")
}
