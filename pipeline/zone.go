package pipeline

import (
	"sync"
	"time"
)

// homeZones holds the time zones of Mexico and the Dominican Republic, which
// nearly every user lives in: loading one reads and parses a file, and the plan
// asks for it at each of its decisions. Whatever else the record of a user names
// is loaded each time. Nothing ever changes the table.
var homeZones = sync.OnceValue(func() map[string]*time.Location {
	zones := map[string]*time.Location{}
	for _, city := range []string{
		"Bahia_Banderas", "Cancun", "Chihuahua", "Ciudad_Juarez", "Ensenada", "Hermosillo", "Matamoros", "Mazatlan",
		"Merida", "Mexico_City", "Monterrey", "Ojinaga", "Santo_Domingo", "Tijuana",
	} {
		name := "America/" + city
		if loc, err := time.LoadLocation(name); err == nil {
			zones[name] = loc
		}
	}
	return zones
})

// loadZone is [time.LoadLocation], but takes "" for no zone instead of UTC.
func loadZone(name string) (*time.Location, bool) {
	if loc, home := homeZones()[name]; home {
		return loc, true
	}
	loc, err := time.LoadLocation(name)
	return loc, err == nil && name != ""
}
