package terminal

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/words"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal([]byte(got), want) {
		t.Errorf("%s differs (rewrite with -update):\n%s", path, got)
	}
}

// TestFrames compares whole screens. The files hold the text; colours are tested apart.
func TestFrames(t *testing.T) {
	for _, tc := range []struct {
		name          string
		width, height int
		lang          words.Language
		packets       int
		scene         scene
		keys          []string
	}{
		{name: "80x24", width: 80, height: 24, packets: 400, scene: scene{ledger: balanced(400), sinks: healthySinks()}},
		{name: "120x40", width: 120, height: 40, packets: 400, scene: scene{ledger: balanced(400), sinks: healthySinks()}},
		{name: "60x20", width: 60, height: 20, packets: 400, scene: scene{ledger: balanced(400), sinks: healthySinks()}},
		{name: "empty-80x24", width: 80, height: 24, scene: scene{ledger: &live.Ledger{}}},
		{name: "no-archive-80x24", width: 80, height: 24, packets: 20, scene: scene{capture: live.Capture{Interfaces: []string{"lo"}}}},
		{name: "drops-80x24", width: 80, height: 24, packets: 400, scene: scene{
			ledger: troubled(), sinks: troubledSinks(), faces: []live.Interface{{Name: "eth0", State: live.InterfaceDown}},
		}},
		{name: "drops-pt-80x24", width: 80, height: 24, lang: words.PortugueseBrazil, packets: 400, scene: scene{
			ledger: troubled(), sinks: troubledSinks(), faces: []live.Interface{{Name: "eth0", State: live.InterfaceGone}},
		}},
		{name: "pt-120x40", width: 120, height: 40, lang: words.PortugueseBrazil, packets: 400, scene: scene{ledger: balanced(400), sinks: healthySinks()}},
		{name: "packets-80x24", width: 80, height: 24, packets: 400, keys: []string{"tab"}},
		{name: "packets-120x40", width: 120, height: 40, packets: 400, keys: []string{"tab"}},
		{name: "packets-chosen-100x24", width: 100, height: 24, packets: 400, keys: []string{"up", "up", "up", "up", "up"}},
		{name: "packets-pt-200x30", width: 200, height: 30, lang: words.PortugueseBrazil, packets: 400, keys: []string{"tab"}},
		{name: "packets-empty-80x24", width: 80, height: 24, keys: []string{"tab"}},
		{name: "help-80x24", width: 80, height: 24, keys: []string{"?"}},
		{name: "help-pt-80x24", width: 80, height: 24, lang: words.PortugueseBrazil, keys: []string{"?"}},
		{name: "help-page-80x24", width: 80, height: 24, keys: []string{"?"}, scene: scene{page: true}},
		{name: "tiny-30x5", width: 30, height: 5, packets: 40},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newScene(t, &tc.scene, tc.packets).model(t, tc.width, tc.height, tc.lang)
				for _, k := range tc.keys {
					m.draw()
					m.key(k)
				}
				frame := m.draw()
				checkFrame(t, frame, tc.width, tc.height)
				text := ansi.Strip(frame)
				var b strings.Builder
				for line := range strings.Lines(text + "\n") {
					b.WriteString(strings.TrimRight(line, " \n") + "\n")
				}
				golden(t, tc.name+".txt", b.String())
			})
		})
	}
}

// checkFrame holds for every frame: its size, and that nothing but colours and printable
// characters is in it.
func checkFrame(t *testing.T, frame string, width, height int) {
	t.Helper()
	lines := strings.Split(frame, "\n")
	if len(lines) > height || height >= minHeight && width >= minWidth && len(lines) != height {
		t.Errorf("%d×%d: %d lines", width, height, len(lines))
	}
	for _, l := range lines {
		if w := ansi.StringWidth(l); w > width {
			t.Errorf("%d×%d: a line of %d columns: %q", width, height, w, l)
		}
		for rest := l; rest != ""; {
			if after, ok := strings.CutPrefix(rest, "\x1b["); ok {
				end := strings.IndexFunc(after, func(r rune) bool { return (r < '0' || r > '9') && r != ';' })
				if end < 0 || after[end] != 'm' {
					t.Fatalf("an escape sequence that is no colour: %q", l)
				}
				rest = after[end+1:]
				continue
			}
			r, size := utf8.DecodeRuneInString(rest)
			if !unicode.IsPrint(r) || r == utf8.RuneError && size == 1 {
				t.Fatalf("%U in the frame: %q", r, l)
			}
			rest = rest[size:]
		}
	}
}

const evil = "\x1b[31mred\x1b]0;title\x07\u202eltr\u2066\u200b\r\n\t\x00\x9b2J\xff\xfe\U000e0041 e\u0301\u0301\u0301 日本語 \u2028"

// TestEverySize draws hostile texts at many sizes in every view.
func TestEverySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene(t, &scene{
			capture: live.Capture{Interfaces: []string{evil, "eth1"}, Filter: evil, Archive: "/" + evil},
			ledger:  troubled(),
			sinks: []live.Sink{
				{Name: evil, Target: evil, State: live.SinkOK, Behind: 1 << 60},
				{Name: "x", Error: evil, State: live.SinkRetrying, Rows: 1<<64 - 1, Lost: 1<<64 - 1},
				{}, {}, {}, {}, {}, {},
			},
			faces: []live.Interface{{Name: evil, State: live.InterfaceDown}},
		}, 100)
		sc.hub.Event(live.Problem, evil)
		time.Sleep(time.Second)
		for width := 1; width <= 220; width += 1 + width/6 {
			for height := 1; height <= 70; height += 1 + height/4 {
				for _, lang := range []words.Language{words.English, words.PortugueseBrazil} {
					m := sc.model(t, width, height, lang)
					for _, key := range []string{"", "?", "esc", "tab", "up", "home", "space", "tab", "end"} {
						m.key(key)
						checkFrame(t, m.draw(), width, height)
					}
					if s := LogLine(m.shown, lang); strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
						t.Fatalf("log line %q", s)
					}
				}
			}
		}
	})
}

func TestApproximateIsMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newScene(t, &scene{}, 40).model(t, 80, 24, words.English)
		shown, counted := *m.shown, *m.shown.Stats
		counted.Sources.Approximate = true
		counted.Sources.Rows = []stats.AddressCount{
			{Addr: ip4(10, 0, 0, 1), Version: 4, Count: stats.Count{Packets: 123_456_789_012, Bytes: 1 << 50}},
			{Addr: v6long, Version: 6, Count: stats.Count{Packets: 99_999, Bytes: 100}, Excess: 5},
		}
		shown.Stats = &counted
		m.shown = &shown
		frame := m.draw()
		checkFrame(t, frame, 80, 24)
		for _, want := range []string{"Top sources ≈", "Top destinations  ", "123 G", "≈99,999"} {
			if !strings.Contains(ansi.Strip(frame), want) {
				t.Errorf("no %q in\n%s", want, ansi.Strip(frame))
			}
		}
	})
}

// TestColours: what is bad is red and said in words.
func TestColours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		frame := newScene(t, &scene{ledger: troubled(), sinks: troubledSinks()}, 40).model(t, 80, 24, words.English).draw()
		for _, want := range []string{
			palette[bad].Render("4,321 DROPPED by the kernel (4.1 %)"),
			palette[bad].Render("9 NOT WRITTEN to disk"),
			palette[bad].Render(left("retrying", 11)),
		} {
			if !strings.Contains(frame, want) || !strings.Contains(want, "31") {
				t.Errorf("no %q", want)
			}
		}
	})
}

func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene(t, &scene{}, 400)
		m := sc.model(t, 80, 24, words.English)
		press := func(keys ...string) {
			t.Helper()
			for _, k := range keys {
				m.draw()
				if m.key(k) {
					t.Fatalf("%q ended the view", k)
				}
			}
			m.draw()
		}
		chosenNumber := func() uint64 { return m.held[m.chosen].Number }

		press("tab")
		if m.view != packetsView || !m.following {
			t.Fatal("tab did not show the packets")
		}
		press("tab")
		if m.view != statisticsView {
			t.Fatal("tab did not come back")
		}
		press("up")
		if m.view != packetsView || m.following || chosenNumber() != 399 {
			t.Fatalf("up chose %d, following %v", chosenNumber(), m.following)
		}
		press("up", "k", "j")
		if chosenNumber() != 398 {
			t.Errorf("up, k and j chose %d", chosenNumber())
		}
		press("pgup")
		if got := chosenNumber(); got != 398-uint64(m.page-1) {
			t.Errorf("a page up chose %d", got)
		}
		if err := sc.hub.Apply(t.Context(), office(401, 100, time.Now())); err != nil {
			t.Fatal(err)
		}
		before := chosenNumber()
		m.draw()
		if chosenNumber() != before {
			t.Error("the chosen packet moved when others came")
		}
		press("home")
		if chosenNumber() != 1 || m.top != 0 {
			t.Errorf("home chose %d", chosenNumber())
		}
		press("up")
		if chosenNumber() != 1 {
			t.Errorf("up at the top chose %d", chosenNumber())
		}
		press("pgdown")
		if got := chosenNumber(); got != uint64(m.page) {
			t.Errorf("a page down chose %d", got)
		}
		press("end")
		if !m.following || m.held != nil {
			t.Error("end does not follow the newest")
		}
		press("up")
		if chosenNumber() != 499 {
			t.Errorf("up after new packets chose %d", chosenNumber())
		}
		press("down", "down")
		if !m.following {
			t.Error("down beyond the newest does not follow")
		}
		press("up", "esc")
		if !m.following {
			t.Error("esc does not follow")
		}
		press("?", "up")
		if !m.help || !m.following {
			t.Error("help is not shown, or keys act behind it")
		}
		press("esc")
		if m.help {
			t.Error("esc does not leave the help")
		}
		press("?", "?", "x", "ctrl+z", "enter")
		for _, k := range []string{"q", "ctrl+c", "Q"} {
			if !m.key(k) {
				t.Errorf("%q does not end the view", k)
			}
		}
	})
}

func TestKeysWithoutPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newScene(t, &scene{}, 0).model(t, 80, 24, words.English)
		for _, k := range []string{"up", "down", "home", "end", "space", "up", "pgup", "space", "pgdown", "tab"} {
			m.key(k)
			checkFrame(t, m.draw(), 80, 24)
		}
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene(t, &scene{}, 400)
		m := sc.model(t, 80, 24, words.English)
		m.key("space")
		before := strings.Split(m.draw(), "\n")
		if err := sc.hub.Apply(t.Context(), office(401, 100_000, time.Now())); err != nil { // more than the hub holds
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		m.Update(snapshotMsg{sc.hub.Snapshot()})
		after := strings.Split(m.draw(), "\n")
		if !strings.Contains(ansi.Strip(after[0]), "VIEW PAUSED +100,000 new") {
			t.Errorf("title %q", ansi.Strip(after[0]))
		}
		if strings.Join(after[1:], "\n") != strings.Join(before[1:], "\n") {
			t.Error("the picture moved while paused")
		}
		m.key("up")
		m.draw()
		if m.held[m.chosen].Number != 399 {
			t.Errorf("up while paused chose %d", m.held[m.chosen].Number)
		}
		m.key("end")
		m.draw()
		m.key("space")
		if m.paused || m.held != nil || m.shown.Stats.Packets != 100_400 {
			t.Errorf("after the pause: %d packets", m.shown.Stats.Packets)
		}
		if frame := ansi.Strip(m.draw()); strings.Contains(frame, "PAUSED") || !strings.Contains(frame, "#100,400") {
			t.Errorf("after the pause:\n%s", frame)
		}
	})
}

// TestTenRedraws: whatever comes, the frame is drawn at most ten times within any second,
// at an even pace, and the last change is drawn.
func TestTenRedraws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene(t, &scene{}, 0)
		m := sc.model(t, 80, 24, words.English)
		var drawn []time.Time
		messages := make(chan tea.Msg, 10_000)
		var deliver func(cmd tea.Cmd)
		deliver = func(cmd tea.Cmd) {
			if cmd == nil {
				return
			}
			go func() {
				switch msg := cmd().(type) {
				case nil:
				case tea.BatchMsg:
					for _, c := range msg {
						deliver(c)
					}
				default:
					messages <- msg
				}
			}()
		}
		deliver(m.Init())
		last := m.due
		update := func() {
			for len(messages) > 0 {
				_, cmd := m.Update(<-messages)
				deliver(cmd)
				synctest.Wait()
				if m.due != last {
					last = m.due
					drawn = append(drawn, time.Now())
				}
			}
		}
		number := uint64(1)
		start := time.Now()
		for time.Since(start) < 5*time.Second {
			if err := sc.hub.Apply(t.Context(), office(number, 1, time.Now())); err != nil {
				t.Fatal(err)
			}
			number++
			messages <- tea.KeyPressMsg{Code: tea.KeyTab}
			time.Sleep(3 * time.Millisecond)
			synctest.Wait()
			update()
		}
		for i := range drawn {
			if i >= 10 && drawn[i].Sub(drawn[i-10]) < time.Second {
				t.Fatalf("eleven redraws within %v", drawn[i].Sub(drawn[i-10]))
			}
			if i >= 2 && drawn[i].Sub(drawn[i-1]) > redrawEvery+redrawAhead {
				t.Fatalf("no redraw for %v", drawn[i].Sub(drawn[i-1]))
			}
		}
		if len(drawn) < 40 {
			t.Errorf("%d redraws in 5 s", len(drawn))
		}
		drawn = nil
		for range 50 {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			update()
		}
		time.Sleep(time.Second) // what is on its way arrives, and nobody reads it
		if want := m.words.Integer(number - 1); !strings.Contains(ansi.Strip(m.View().Content), want) {
			t.Errorf("packet %s is not in the last frame", want)
		}
	})
}

// TestAnswerIsSeenAtOnce: two packets a moment apart are both drawn without delay.
func TestAnswerIsSeenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newScene(t, &scene{}, 0).model(t, 80, 24, words.English)
		for i, pause := range []time.Duration{0, 20 * time.Millisecond} {
			time.Sleep(pause)
			if cmd := m.redraw(); cmd != nil {
				t.Errorf("redraw %d has to wait", i)
			}
		}
		if cmd := m.redraw(); cmd == nil {
			t.Error("a third redraw did not have to wait")
		}
		time.Sleep(time.Second)
	})
}

func TestFinalEndsTheView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := newScene(t, &scene{}, 20)
		m := sc.model(t, 80, 24, words.English)
		_, cmd := m.Update(snapshotMsg{sc.hub.Finish()})
		if cmd == nil {
			t.Fatal("no command")
		}
		if _, ok := cmd().(tea.QuitMsg); !ok {
			t.Error("the final snapshot does not end the view")
		}
	})
}

// TestStopsAndStarts: the key stops the capturing and starts it again, by what the newest
// snapshot says, once at a time; where it cannot be done the key does nothing and is not named.
func TestStopsAndStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var since atomic.Pointer[time.Time] // nil: it goes on
		sc := &scene{ledger: balanced(20), suspended: func() (at time.Time) {
			if p := since.Load(); p != nil {
				at = *p
			}
			return at
		}}
		m := newScene(t, sc, 20).model(t, 80, 24, words.English)
		var orders []bool
		m.suspend = func(on bool) {
			orders = append(orders, on)
			if since.Store(nil); on {
				now := time.Now()
				since.Store(&now)
			}
		}
		press := func(key rune) {
			t.Helper()
			_, cmd := m.Update(tea.KeyPressMsg(tea.Key{Text: string(key), Code: key}))
			if m.switching {
				if m.turn() != nil {
					t.Error("two orders at once")
				}
				if all, ok := cmd().(tea.BatchMsg); ok {
					for _, c := range all {
						if c != nil {
							c()
						}
					}
				}
				m.Update(switchedMsg{})
			}
			time.Sleep(1200 * time.Millisecond)
			synctest.Wait()
			m.newest = sc.hub.Snapshot()
			m.shown = m.newest
		}
		shows := func(texts ...string) {
			t.Helper()
			frame := ansi.Strip(m.draw())
			for _, text := range texts {
				if !strings.Contains(frame, text) {
					t.Errorf("%q is not in\n%s", text, frame)
				}
			}
		}
		shows("● capturing", " s stop")
		press('s')
		shows("■ capturing is stopped", " s start")
		press('S')
		shows("● capturing", " s stop")
		if want := []bool{true, false}; !slices.Equal(orders, want) {
			t.Errorf("orders %v, want %v", orders, want)
		}
		m.suspend = nil
		if frame := m.draw(); strings.Contains(ansi.Strip(frame), " s stop") {
			t.Errorf("the key is named:\n%s", frame)
		}
		if press('s'); m.switching {
			t.Error("something is being stopped that cannot be")
		}
	})
}
