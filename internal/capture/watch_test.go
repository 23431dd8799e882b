package capture

import (
	"slices"
	"testing"
)

func TestWatched(t *testing.T) {
	eth := func(index int, up, running bool) InterfaceInfo {
		return InterfaceInfo{Name: "eth0", Index: index, Up: up, Running: running}
	}
	renamed := eth(2, true, true)
	renamed.Name = "lan0"
	for _, c := range []struct {
		name   string
		opened InterfaceInfo
		news   func(w *watched)
		rebind error
		want   []EventKind
	}{
		{"nothing", eth(2, true, true), func(*watched) {}, nil, nil},
		{"opened down", eth(2, false, false), func(*watched) {}, nil, []EventKind{InterfaceDown}},
		{"opened without a link", eth(2, true, false), func(*watched) {}, nil, []EventKind{InterfaceChanged}},
		{"the same again", eth(2, true, true), func(w *watched) { w.seen(eth(2, true, true)) }, nil, nil},
		{"another", eth(2, true, true), func(w *watched) { w.seen(eth(3, false, true)); w.gone(4) }, nil, nil},
		{"down and up", eth(2, true, true), func(w *watched) {
			w.seen(eth(2, false, false))
			w.seen(eth(2, true, false)) // the link takes its time
			w.seen(eth(2, true, true))
		}, nil, []EventKind{InterfaceDown, InterfaceUp}},
		{"cable", eth(2, true, true), func(w *watched) {
			w.seen(eth(2, true, false))
			w.seen(eth(2, true, false))
			w.seen(eth(2, true, true))
		}, nil, []EventKind{InterfaceChanged, InterfaceChanged}},
		{"renamed", eth(2, true, true), func(w *watched) { w.seen(renamed); w.seen(renamed) }, nil, []EventKind{InterfaceChanged}},
		{"recreated", eth(2, true, true), func(w *watched) {
			w.gone(2)
			w.gone(2)
			w.seen(eth(5, false, false))
			w.seen(eth(5, true, true))
		}, nil, []EventKind{InterfaceGone, InterfaceBack, InterfaceUp}},
		{"recreated under the later name", eth(2, true, true), func(w *watched) {
			w.seen(renamed)
			w.gone(2)
			w.seen(renamed)
		}, nil, []EventKind{InterfaceChanged, InterfaceGone, InterfaceBack}},
		{"vanished at once", eth(2, true, true), func(w *watched) { w.gone(2); w.seen(eth(5, true, true)) }, errVanished, []EventKind{InterfaceGone}},
		{"another link type", eth(2, true, true), func(w *watched) {
			w.gone(2)
			w.seen(eth(5, true, true))
			w.seen(eth(5, false, true))
			w.gone(5)
			w.rebind = func(int, InterfaceInfo) error { return nil }
			w.seen(eth(6, true, true))
		}, errOtherLink, []EventKind{InterfaceGone, InterfaceUnfit, InterfaceBack}},
	} {
		w := &watched{rebind: func(int, InterfaceInfo) error { return c.rebind }}
		w.opened(c.opened)
		c.news(w)
		var got []EventKind
		for _, e := range w.take() {
			got = append(got, e.Kind)
			if e.Name == "" || e.Reason == "" || e.Time.IsZero() {
				t.Errorf("%s: %+v", c.name, e)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if w.take() != nil {
			t.Errorf("%s: events told twice", c.name)
		}
	}
}

func TestEventsAreCapped(t *testing.T) {
	var w watched
	for i := range maxEvents + 10 {
		w.add(Event{Interface: i})
	}
	events := w.take()
	if len(events) != maxEvents || events[0].Interface != 10 || w.dropped != 10 {
		t.Errorf("%d events from %d, %d dropped", len(events), events[0].Interface, w.dropped)
	}
}
