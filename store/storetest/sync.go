package storetest

import "alta/pipeline"

func syncBehaviours() []behaviour {
	ana, bob := person("ana", pipeline.MX), person("bob", pipeline.DO)
	return []behaviour{
		{"a user whom the query no longer returns is withdrawn", func(f *fixture) {
			equal(f, "withdrawn by the first pass", f.source(ana, bob), 0)
			equal(f, "withdrawn by the second", f.source(bob), 1)
			equal(f, "ana is withdrawn", f.find("ana").Withdrawn, true)
			f.wantDeliveries("ana", "invite 1 cancelled")
			equal(f, "code", f.latest("ana").Code, "user_withdrawn")
			f.wantDeliveries("bob", "invite 1 due")
			equal(f, "bob is sourced", f.find("bob").Sourced, true)
		}},
		{"a user whom the query returns again is owed mail again", func(f *fixture) {
			f.source(ana)
			f.source()
			equal(f, "withdrawn", f.source(ana), 0)
			equal(f, "ana is withdrawn", f.find("ana").Withdrawn, false)
			f.wantDeliveries("ana", "invite 1 cancelled", "invite 2 due")
		}},
		{"a pass that breaks off withdraws nobody", func(f *fixture) {
			f.source(ana, bob)
			pass, err := f.StartSync(f.t.Context(), f.next)
			f.must(err)
			_, err = pass.Enrol(f.t.Context(), []pipeline.User{bob}, f.now)
			f.must(err)
			equal(f, "ana is withdrawn", f.find("ana").Withdrawn, false)
			f.wantDeliveries("ana", "invite 1 due")
		}},
		{"what a broken pass returned does not count for the next one", func(f *fixture) {
			f.source(ana, bob)
			broken, err := f.StartSync(f.t.Context(), f.next)
			f.must(err)
			_, err = broken.Enrol(f.t.Context(), []pipeline.User{ana}, f.now)
			f.must(err)
			equal(f, "withdrawn", f.source(bob), 1)
			equal(f, "ana is withdrawn", f.find("ana").Withdrawn, true)
		}},
		{"users of several batches belong to one pass", func(f *fixture) {
			pass, err := f.StartSync(f.t.Context(), f.next)
			f.must(err)
			for _, u := range []pipeline.User{ana, bob} {
				_, err = pass.Enrol(f.t.Context(), []pipeline.User{u}, f.now)
				f.must(err)
			}
			withdrawn, err := pass.Finish(f.t.Context(), f.now)
			f.must(err)
			equal(f, "withdrawn", withdrawn, 0)
		}},
		{"an imported user is never withdrawn", func(f *fixture) {
			f.enrol(ana)
			equal(f, "withdrawn", f.source(bob), 0)
			f.wantDeliveries("ana", "invite 1 due")
		}},
		{"a user who is no longer pending is not withdrawn", func(f *fixture) {
			f.source(ana)
			f.mark("ana", pipeline.Verified)
			equal(f, "withdrawn", f.source(), 0)
			equal(f, "status", f.find("ana").User.Status, pipeline.Verified)
		}},
		{"a user who was withdrawn already is not counted again", func(f *fixture) {
			f.source(ana)
			f.source()
			equal(f, "withdrawn", f.source(), 0)
		}},
	}
}
