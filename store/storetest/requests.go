package storetest

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"alta/store"
)

func requestBehaviours() []behaviour {
	k := store.RequestKey{Token: "crm", Key: "k-1"}
	return []behaviour{
		{"the first request takes the key, and a second finds it taken and without an answer", func(f *fixture) {
			f.startRequest(k, 1, nil)
			f.startRequest(k, 1, &store.Request{Digest: requestDigest(1)})
			f.startRequest(k, 2, &store.Request{Digest: requestDigest(1)})
		}},
		{"a request finds the answer to the one before it", func(f *fixture) {
			f.startRequest(k, 1, nil)
			f.must(f.FinishRequest(f.t.Context(), k, 202, []byte(`{"begun":true}`)))
			f.startRequest(k, 1, &store.Request{Digest: requestDigest(1), Status: 202, Body: []byte(`{"begun":true}`)})
		}},
		{"an answer may be kept without its body", func(f *fixture) {
			f.startRequest(k, 1, nil)
			f.must(f.FinishRequest(f.t.Context(), k, 201, nil))
			f.startRequest(k, 1, &store.Request{Digest: requestDigest(1), Status: 201})
		}},
		{"an answer is given once", func(f *fixture) {
			f.startRequest(k, 1, nil)
			f.must(f.FinishRequest(f.t.Context(), k, 200, []byte("a")))
			if err := f.FinishRequest(f.t.Context(), k, 200, []byte("b")); err == nil {
				f.t.Error("a second answer took the place of the first")
			}
			f.must(f.DropRequest(f.t.Context(), k)) // too late, and no harm
			f.startRequest(k, 1, &store.Request{Digest: requestDigest(1), Status: 200, Body: []byte("a")})
		}},
		{"a request that was not done leaves the key to the next", func(f *fixture) {
			f.startRequest(k, 1, nil)
			f.must(f.DropRequest(f.t.Context(), k))
			f.startRequest(k, 2, nil)
		}},
		{"the same key of another token is another key", func(f *fixture) {
			f.startRequest(k, 1, nil)
			f.startRequest(store.RequestKey{Token: "shop", Key: "k-1"}, 2, nil)
		}},
		{"a token that is revoked takes its answers along, and no other's", func(f *fixture) {
			shop := store.RequestKey{Token: "shop", Key: "k-1"}
			f.token("crm", store.Operator)
			for _, k := range []store.RequestKey{k, shop} {
				f.startRequest(k, 1, nil)
				f.must(f.FinishRequest(f.t.Context(), k, 200, []byte("a")))
			}
			f.must(f.RevokeToken(f.t.Context(), "crm", operator, f.now))
			f.token("crm", store.Operator)
			f.startRequest(k, 2, nil)
			f.startRequest(shop, 1, &store.Request{Digest: requestDigest(1), Status: 200, Body: []byte("a")})
		}},
		{"a request whose process died is made again once nobody can be at it", func(f *fixture) {
			f.startRequest(k, 1, nil)
			f.now = f.now.Add(requestLease - time.Millisecond)
			f.startRequest(k, 1, &store.Request{Digest: requestDigest(1)})
			f.now = f.now.Add(time.Millisecond)
			f.startRequest(k, 1, nil)
		}},
		{"an answer is forgotten after its time, of whichever token", func(f *fixture) {
			f.startRequest(k, 1, nil)
			f.must(f.FinishRequest(f.t.Context(), k, 200, []byte("kept for a day")))
			f.now = f.now.Add(requestLife - time.Millisecond)
			f.startRequest(k, 1, &store.Request{Digest: requestDigest(1), Status: 200, Body: []byte("kept for a day")})
			f.now = f.now.Add(time.Millisecond)
			f.startRequest(store.RequestKey{Token: "shop", Key: "k-2"}, 1, nil)
			if strings.Contains(f.dump(), "kept for a day") {
				f.t.Error("the answer is still there")
			}
			f.startRequest(k, 2, nil)
		}},
		{"of many with one key that come at once, one takes it", func(f *fixture) {
			var all sync.WaitGroup
			var took atomic.Int64
			for range 20 {
				all.Go(func() {
					known, err := f.StartRequest(f.t.Context(), k, requestDigest(1), f.now.Add(-requestLife), f.now.Add(-requestLease), f.now)
					if err != nil {
						f.t.Error(err)
					} else if known == nil {
						took.Add(1)
					}
				})
			}
			all.Wait()
			equal(f, "requests that took the key", took.Load(), 1)
		}},
	}
}

const (
	requestLife  = 24 * time.Hour
	requestLease = 5 * time.Minute
)

func requestDigest(n byte) store.RequestDigest { return store.RequestDigest{0: n, 31: n} }

func (f *fixture) startRequest(k store.RequestKey, n byte, want *store.Request) {
	f.t.Helper()
	known, err := f.StartRequest(f.t.Context(), k, requestDigest(n), f.now.Add(-requestLife), f.now.Add(-requestLease), f.now)
	f.must(err)
	equal(f, "what is known of the request", known, want)
}
