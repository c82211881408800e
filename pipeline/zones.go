package pipeline

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// maxZones bounds how many zones are remembered. The IANA database has about
// 600 names; a path such as America//Tijuana may spell one in yet another way.
const maxZones = 1024

// zones remembers the time zones that users live in: a user's zone is asked for
// several times for each mail, and [time.LoadLocation] reads a file each time.
var zones zoneTable

// zoneTable maps names to zones. Only names that are known are kept, so a zone
// that is installed later is found.
type zoneTable struct {
	known  atomic.Pointer[map[string]*time.Location]
	adding sync.Mutex
}

func (z *zoneTable) load(name string) (*time.Location, error) {
	if known := z.known.Load(); known != nil {
		if loc, ok := (*known)[name]; ok {
			return loc, nil
		}
	}
	loc, err := time.LoadLocation(name)
	if err == nil {
		z.add(name, loc)
	}
	return loc, err
}

// add stores a copy of the table, so that reading it needs no lock.
func (z *zoneTable) add(name string, loc *time.Location) {
	z.adding.Lock()
	defer z.adding.Unlock()
	next := map[string]*time.Location{}
	if known := z.known.Load(); known != nil {
		if len(*known) >= maxZones {
			return
		}
		maps.Copy(next, *known)
	}
	next[name] = loc
	z.known.Store(&next)
}
