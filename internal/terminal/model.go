package terminal

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/words"
)

// Redraws are paced: on the average one in redrawEvery, but a single one may come earlier
// by up to redrawAhead, so that on a quiet link an answer is seen as soon as its question.
// Together they never make more than ten redraws within any second.
const (
	redrawEvery = 112 * time.Millisecond
	redrawAhead = 100 * time.Millisecond
)

// holdRows is how many packets can be looked back at.
const holdRows = 8192

type view uint8

const (
	statisticsView view = iota
	packetsView
	views
)

// model is the view's state. bubbletea calls its methods one at a time.
type model struct {
	ctx   context.Context
	hub   *live.Hub
	lang  words.Language
	words *stats.Words
	home  string

	newLink   func() string // nil: there is no page
	link      string        // to the page, while the help is shown
	suspend   func(on bool) // nil: capturing cannot be stopped
	switching bool          // it is being stopped or started

	width, height int
	view          view
	help          bool

	newest *live.Snapshot // the newest one
	shown  *live.Snapshot // what is drawn: older than newest while paused
	paused bool

	following bool       // the list shows the newest packets
	held      []live.Row // not following or paused: the packets that the list shows
	heldFirst uint64     // place of held[0] at the hub
	chosen    int        // index in held, when not following
	top       int        // index in held of the first packet of the list, likewise
	page      int        // rows of the list when it was last drawn
	rows      []live.Row // for drawing
	columns   columns

	frame  string
	due    time.Time // when the next redraw may come, redrawAhead early
	queued bool      // a redraw is on its way
}

func newModel(ctx context.Context, hub *live.Hub, opts Options) *model {
	m := &model{
		ctx: ctx, hub: hub, lang: opts.Language, words: Words(opts.Language), home: opts.Home, suspend: opts.Suspend, newLink: opts.Link,
		width: 80, height: 24, following: true,
	}
	m.newest = hub.Snapshot()
	m.shown = m.newest
	return m
}

type (
	snapshotMsg struct{ *live.Snapshot }
	redrawMsg   struct{}
	switchedMsg struct{} // capturing was stopped or started, or could not be
)

// Init implements [tea.Model].
func (m *model) Init() tea.Cmd { return m.wait(m.newest.Seq) }

// wait fetches the next snapshot. There is at most one such command at a time.
func (m *model) wait(seen uint64) tea.Cmd {
	return func() tea.Msg {
		s, seq := m.hub.Wait(m.ctx, seen)
		if seq <= seen {
			return nil // the view is over
		}
		return snapshotMsg{s}
	}
}

// Update implements [tea.Model].
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.columns = columns{}
	case snapshotMsg:
		m.newest = msg.Snapshot
		if !m.paused {
			m.shown = msg.Snapshot
		}
		if msg.Final {
			return m, tea.Quit
		}
		cmd = m.wait(msg.Seq)
	case redrawMsg:
		m.queued = false
	case switchedMsg:
		m.switching = false
	case tea.KeyPressMsg:
		name := msg.String()
		if quit := m.key(name); quit {
			return m, tea.Quit
		}
		if name == "s" || name == "S" {
			cmd = m.turn()
		}
	default:
		return m, nil
	}
	return m, tea.Batch(cmd, m.redraw())
}

// redraw draws the frame now if the pace allows it, and else arranges for later.
func (m *model) redraw() tea.Cmd {
	now := time.Now()
	wait := m.due.Add(-redrawAhead).Sub(now)
	if wait <= 0 {
		m.frame = m.draw()
		if m.due.Before(now) {
			m.due = now
		}
		m.due = m.due.Add(redrawEvery)
		return nil
	}
	if m.queued {
		return nil
	}
	m.queued = true
	return tea.Tick(wait, func(time.Time) tea.Msg { return redrawMsg{} })
}

// View implements [tea.Model].
func (m *model) View() tea.View {
	v := tea.NewView(m.frame)
	v.AltScreen = true
	v.WindowTitle = "Tarrafa"
	return v
}

// key obeys a key and says whether it ends the view.
func (m *model) key(name string) (quit bool) {
	switch name {
	case "q", "Q", "ctrl+c":
		return true
	case "?", "h", "f1":
		if m.help = !m.help; m.help && m.newLink != nil {
			m.link = clean(m.newLink())
		}
		return false
	case "esc":
		switch {
		case m.help:
			m.help = false
		default:
			m.follow()
		}
		return false
	case "space", " ", "p":
		m.pause()
		return false
	}
	if m.help {
		return false
	}
	switch name {
	case "tab", "shift+tab":
		m.view = (m.view + 1) % views
	case "up", "k":
		m.scroll(-1)
	case "down", "j":
		m.scroll(1)
	case "pgup", "ctrl+b":
		m.scroll(-max(m.page-1, 1))
	case "pgdown", "ctrl+f":
		m.scroll(max(m.page-1, 1))
	case "home", "g":
		m.scroll(-holdRows)
	case "end", "G":
		m.follow()
	}
	return false
}

// turn stops the capturing, or starts it again.
func (m *model) turn() tea.Cmd {
	if m.suspend == nil || m.switching || m.newest.Final {
		return nil
	}
	m.switching = true
	on := m.newest.Suspended.IsZero()
	return func() tea.Msg {
		m.suspend(on)
		return switchedMsg{}
	}
}

// pause holds the picture, or lets it go on.
func (m *model) pause() {
	m.paused = !m.paused
	m.shown = m.newest
	if m.paused {
		if m.held == nil {
			m.hold()
		}
		return
	}
	m.follow()
}

// hold copies the newest packets, so that they stay while new ones replace them at the
// hub: at two million a second that takes 30 ms.
func (m *model) hold() {
	rows := make([]live.Row, holdRows)
	first, n := m.hub.Newest(rows)
	m.held, m.heldFirst = rows[:n], first
}

// follow shows the newest packets again; of those held while paused.
func (m *model) follow() {
	m.following = true
	if !m.paused {
		m.held = nil
	}
}

// scroll chooses another packet of the list, which stands still from then on. Going
// below the last one follows the newest again.
func (m *model) scroll(by int) {
	m.view = packetsView
	if m.held == nil {
		m.hold()
	}
	last := len(m.held) - 1
	if last < 0 {
		m.follow()
		return
	}
	if m.following {
		m.chosen = last
		m.top = max(len(m.held)-m.page, 0)
	}
	m.chosen = max(m.chosen+by, 0)
	m.following = m.chosen > last
	if m.following {
		m.follow()
	}
}
