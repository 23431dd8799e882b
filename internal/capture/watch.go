package capture

import (
	"errors"
	"time"
)

// maxEvents is how many events wait for being fetched.
const maxEvents = 1024

// Reasons for not resuming on an interface that was made anew.
var (
	errVanished  = errors.New("it is gone again")
	errOtherLink = errors.New("its link type is another than before")
)

// watched is what is known of the captured interfaces, and what has happened to them. The
// source that owns it guards it with its mutex.
type watched struct {
	states  []state
	events  []Event
	dropped uint64 // events
	// rebind resumes the capture on interface i, which was made anew. With errVanished
	// nothing is said; after another error the interface is left alone until it is gone.
	rebind func(i int, info InterfaceInfo) error
}

// state is what is known of a captured interface.
type state struct {
	wanted string // the name that was asked for
	name   string // the present one, or the last before it vanished
	index  int    // the system's number; -1 while the interface does not exist, 0 for "any"
	up     bool
	linked bool // it is up and has a link
	lost   bool // that there is no link has been said
	unfit  bool // made anew as something that cannot be captured on
}

// opened begins to watch an interface and tells when there is nothing to be expected from it.
func (w *watched) opened(info InterfaceInfo) {
	st := state{wanted: info.Name, name: info.Name, index: info.Index, up: info.Up, linked: info.Up && info.Running}
	switch e := (Event{Interface: len(w.states), Name: info.Name}); {
	case !info.Up:
		e.Kind, e.Reason = InterfaceDown, "it is switched off"
		w.add(e)
	case !info.Running:
		e.Kind, e.Reason = InterfaceChanged, "it has no link"
		st.lost = true
		w.add(e)
	}
	w.states = append(w.states, st)
}

// gone notes that the interface of that number is no more.
func (w *watched) gone(index int) {
	for i := range w.states {
		st := &w.states[i]
		if st.index == index && index > 0 {
			st.index, st.up, st.linked, st.lost = -1, false, false, false
			if st.unfit {
				st.unfit = false // it was already said that capture does not go on
				continue
			}
			w.add(Event{Kind: InterfaceGone, Interface: i, Name: st.name, Reason: "it was deleted or moved away"})
		}
	}
}

// seen compares news of an interface with what is known of the captured ones.
func (w *watched) seen(info InterfaceInfo) {
	for i := range w.states {
		st := &w.states[i]
		switch {
		case st.unfit:
		case st.index == info.Index && st.index > 0:
			w.changed(i, info)
		case st.index == -1 && (info.Name == st.wanted || info.Name == st.name):
			w.back(i, info)
		}
	}
}

func (w *watched) changed(i int, info InterfaceInfo) {
	st := &w.states[i]
	e := Event{Interface: i, Name: info.Name}
	if info.Name != "" && info.Name != st.name {
		e.Kind, e.Reason = InterfaceChanged, "it was renamed from "+st.name
		st.name = info.Name
		w.add(e)
	}
	e.Name = st.name
	switch {
	case info.Up != st.up && info.Up:
		e.Kind, e.Reason = InterfaceUp, "it was switched on"
		w.add(e)
	case info.Up != st.up:
		e.Kind, e.Reason = InterfaceDown, "it was switched off"
		w.add(e)
	case info.Up && info.Running && st.lost:
		e.Kind, e.Reason = InterfaceChanged, "the link is back"
		st.lost = false
		w.add(e)
	case info.Up && !info.Running && !st.lost && st.linked:
		e.Kind, e.Reason = InterfaceChanged, "the link is lost"
		st.lost = true
		w.add(e)
	}
	st.up, st.linked = info.Up, info.Up && info.Running
}

// back resumes the capture on an interface that was made anew.
func (w *watched) back(i int, info InterfaceInfo) {
	st := &w.states[i]
	e := Event{Kind: InterfaceBack, Interface: i, Name: info.Name, Reason: "it was made anew"}
	switch err := w.rebind(i, info); {
	case errors.Is(err, errVanished):
		return
	case err != nil:
		st.index, st.unfit = info.Index, true
		e.Kind, e.Reason = InterfaceUnfit, err.Error()
	default:
		st.index, st.name, st.up, st.linked = info.Index, info.Name, info.Up, info.Up && info.Running
	}
	w.add(e)
}

// held notes that the capture was suspended, or goes on.
func (w *watched) held(on bool) {
	for i := range w.states {
		e := Event{Kind: InterfaceFreed, Interface: i, Name: w.states[i].name, Reason: "capturing was started again"}
		if on {
			e.Kind, e.Reason = InterfaceHeld, "capturing was stopped; what passes is not taken"
		}
		w.add(e)
	}
}

// add keeps an event until it is fetched.
func (w *watched) add(e Event) {
	e.Time = time.Now()
	if len(w.events) == maxEvents {
		w.events = append(w.events[:0], w.events[1:]...)
		w.dropped++
	}
	w.events = append(w.events, e)
}

// take returns the events and forgets them.
func (w *watched) take() []Event {
	events := w.events
	w.events = nil
	return events
}

// find returns the number of the captured interface of that name, -1 when there is none.
func (w *watched) find(name string) int {
	for i := range w.states {
		if w.states[i].wanted == name {
			return i
		}
	}
	return -1
}
