package templates

import (
	"testing"
	"time"

	"alta/pipeline"
)

// Dates are spelt out by CLDR, in the zone of the reader.
func TestSpellOut(t *testing.T) {
	const nbsp = "\u00a0"
	for _, tc := range []struct {
		name, when, zone string
		locale           pipeline.Locale
		want             string
	}{
		{"Mexico writes 24 hours", "2026-11-24T20:30:00Z", "America/Mexico_City", pipeline.ESMX,
			"martes 24 de noviembre de 2026 a las 14:30 (hora de Ciudad de México)"},
		{"the Dominican Republic writes 12 hours", "2026-11-24T18:30:00Z", "America/Santo_Domingo", pipeline.ESDO,
			"martes 24 de noviembre de 2026 a las 2:30 p." + nbsp + "m. (hora de Santo Domingo)"},
		{"one o'clock is singular", "2026-11-24T17:05:00Z", "America/Santo_Domingo", pipeline.ESDO,
			"martes 24 de noviembre de 2026 a la 1:05 p." + nbsp + "m. (hora de Santo Domingo)"},
		{"eleven o'clock is plural", "2026-11-24T15:05:00Z", "America/Santo_Domingo", pipeline.ESDO,
			"martes 24 de noviembre de 2026 a las 11:05 a." + nbsp + "m. (hora de Santo Domingo)"},
		{"thirteen hours are plural", "2026-11-24T19:05:00Z", "America/Mexico_City", pipeline.ESMX,
			"martes 24 de noviembre de 2026 a las 13:05 (hora de Ciudad de México)"},
		{"midnight belongs to the new day", "2027-01-01T06:00:00Z", "America/Mexico_City", pipeline.ESMX,
			"viernes 1 de enero de 2027 a las 0:00 (hora de Ciudad de México)"},
		{"midnight is twelve on a 12-hour clock", "2027-01-01T04:00:00Z", "America/Santo_Domingo", pipeline.ESDO,
			"viernes 1 de enero de 2027 a las 12:00 a." + nbsp + "m. (hora de Santo Domingo)"},
		{"seconds are dropped, never rounded up", "2026-11-24T20:30:59Z", "America/Mexico_City", pipeline.ESMX,
			"martes 24 de noviembre de 2026 a las 14:30 (hora de Ciudad de México)"},
		{"Tijuana before its clocks go forward", "2026-03-08T09:59:00Z", "America/Tijuana", pipeline.ESMX,
			"domingo 8 de marzo de 2026 a la 1:59 (hora de Tijuana)"},
		{"Tijuana a minute later", "2026-03-08T10:00:00Z", "America/Tijuana", pipeline.ESMX,
			"domingo 8 de marzo de 2026 a las 3:00 (hora de Tijuana)"},
		{"Tijuana before its clocks go back", "2026-11-01T07:30:00Z", "America/Tijuana", pipeline.ESMX,
			"domingo 1 de noviembre de 2026 a las 0:30 (hora de Tijuana)"},
		{"Tijuana after its clocks went back", "2026-11-01T10:30:00Z", "America/Tijuana", pipeline.ESMX,
			"domingo 1 de noviembre de 2026 a las 2:30 (hora de Tijuana)"},
		{"the capital keeps one time all year", "2026-07-01T18:00:00Z", "America/Mexico_City", pipeline.ESMX,
			"miércoles 1 de julio de 2026 a las 12:00 (hora de Ciudad de México)"},
		{"a city has its accent", "2026-11-24T20:30:00Z", "America/Cancun", pipeline.ESMX,
			"martes 24 de noviembre de 2026 a las 15:30 (hora de Cancún)"},
		{"a city within a region is named alone", "2026-11-24T20:30:00Z", "America/Argentina/Buenos_Aires", pipeline.ESMX,
			"martes 24 de noviembre de 2026 a las 17:30 (hora de Buenos Aires)"},
		{"Bogotá has its accent", "2026-11-24T20:30:00Z", "America/Bogota", pipeline.ESDO,
			"martes 24 de noviembre de 2026 a las 3:30 p." + nbsp + "m. (hora de Bogotá)"},
		{"Tokyo has its Spanish name", "2026-11-24T20:30:00Z", "Asia/Tokyo", pipeline.ESMX,
			"miércoles 25 de noviembre de 2026 a las 5:30 (hora de Tokio)"},
		{"a region of the United States is an offset", "2026-11-24T20:30:00Z", "US/Pacific", pipeline.ESMX,
			"martes 24 de noviembre de 2026 a las 12:30 (hora UTC-08:00)"},
		{"a region of Mexico is an offset, that of its summer time in summer", "2026-07-01T18:00:00Z", "Mexico/BajaNorte", pipeline.ESMX,
			"miércoles 1 de julio de 2026 a las 11:00 (hora UTC-07:00)"},
		{"a country is an offset", "2026-11-24T20:30:00Z", "Cuba", pipeline.ESDO,
			"martes 24 de noviembre de 2026 a las 3:30 p." + nbsp + "m. (hora UTC-05:00)"},
		{"a zone that is no place is an offset", "2026-11-24T20:30:00Z", "Etc/GMT+5", pipeline.ESMX,
			"martes 24 de noviembre de 2026 a las 15:30 (hora UTC-05:00)"},
		{"UTC is an offset", "2026-11-24T20:30:00Z", "UTC", pipeline.ESMX,
			"martes 24 de noviembre de 2026 a las 20:30 (hora UTC+00:00)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			loc, err := time.LoadLocation(tc.zone)
			if err != nil {
				t.Fatal(err)
			}
			if got := spellOut(calendars()[tc.locale], at(t, tc.when).In(loc)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// Every locale has its calendar.
func TestCalendars(t *testing.T) {
	for _, l := range locales() {
		if calendars()[l] == nil {
			t.Errorf("%s has no calendar", l)
		}
	}
}
