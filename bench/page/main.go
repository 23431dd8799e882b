// Bench of the page in a real browser: how fluently the list follows and scrolls while
// packets come, and how soon any place of a large capture is shown.
//
//	go run ./bench/page                     # 20 000 and 50 000 packets/s, 10 M packets, 60 s of reading
//	go run ./bench/page -archive 0          # without the archive
//	go run ./bench/page -dir /var/tmp/bench # keeps the archive for the next run
//
// It needs chromium (or CHROMIUM), node, and npm ci in ui. Frames are the browser's own;
// busy, script, layout and style are milliseconds of the main thread's CPU time a second,
// which say something on a machine that others use too.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/web"
	"github.com/tarrafa/tarrafa/test/page/feed"
)

func main() {
	runs := flag.Int("runs", 3, "runs of each rate; their median counts")
	seconds := flag.Int("seconds", 10, "how long to follow, and to scroll, in each run")
	behind := flag.Int("behind", 1_000_000, "rows before the running capture's first new one")
	packets := flag.Uint64("archive", 10_000_000, "packets of the stored capture; 0: none")
	dir := flag.String("dir", "", "where the stored capture is made, or kept from a run before; default: a temporary folder")
	still := flag.Int("still", 60, "seconds with a packet selected; 0: none")
	flag.Parse()
	if err := run(*runs, *seconds, *behind, *packets, *dir, *still); err != nil {
		log.Fatal(err)
	}
}

func run(runs, seconds, behind int, packets uint64, dir string, still int) error {
	ctx := context.Background()
	for _, r := range []struct {
		rate    int
		dropped float64
	}{{20_000, 0.02}, {50_000, 0.05}} {
		if runs == 0 {
			break
		}
		if err := live(ctx, r.rate, runs, seconds, behind, r.dropped); err != nil {
			return err
		}
	}
	if still > 0 {
		if err := stable(ctx, still); err != nil {
			return err
		}
	}
	if packets > 0 {
		return stored(ctx, packets, dir)
	}
	return nil
}

// frames is what the browser measured of its own animation frames.
type frames struct {
	P50        float64 `json:"p50"` // milliseconds
	P95        float64 `json:"p95"`
	Max        float64 `json:"max"`
	Dropped    float64 `json:"dropped"`    // share of the frames that 60 a second would be
	BlankShare float64 `json:"blankShare"` // of the frames looked at in which a visible row was not painted
	Busy       float64 `json:"busy"`       // milliseconds of CPU time a second
	Script     float64 `json:"script"`
	Layout     float64 `json:"layout"`
	Style      float64 `json:"style"`
}

func live(ctx context.Context, rate, runs, seconds, behind int, limit float64) error {
	fmt.Printf("%d packets/s, %d rows behind\n", rate, behind)
	fmt.Printf("%-12s %9s %9s %9s %9s %9s %9s %9s %9s %9s\n", "", "p50 ms", "p95 ms", "max ms", "dropped", "unpainted", "busy", "script", "layout", "style")
	var p95, dropped []float64
	for range runs {
		var r struct {
			Following frames `json:"following"`
			Scrolling frames `json:"scrolling"`
		}
		err := serving(ctx, func(ctx context.Context) (web.Content, func()) { return feed.Live(ctx, rate, behind) }, func(link string) error {
			return drive(ctx, "live", link, &r, fmt.Sprint(seconds))
		})
		if err != nil {
			return err
		}
		for i, f := range []frames{r.Following, r.Scrolling} {
			fmt.Printf("%-12s %9.1f %9.1f %9.1f %8.1f%% %8.1f%% %9.0f %9.0f %9.0f %9.0f\n", []string{"following", "scrolling"}[i],
				f.P50, f.P95, f.Max, 100*f.Dropped, 100*f.BlankShare, f.Busy, f.Script, f.Layout, f.Style)
		}
		p95 = append(p95, max(r.Following.P95, r.Scrolling.P95))
		dropped = append(dropped, max(r.Following.Dropped, r.Scrolling.Dropped))
	}
	p, d := median(p95), median(dropped)
	fmt.Printf("median of %d: p95 %.1f ms (wanted < 20: %s), dropped %.1f %% (wanted < %.0f: %s)\n\n", runs, p, verdict(p < 20), 100*d, 100*limit, verdict(d < limit))
	return nil
}

func stable(ctx context.Context, seconds int) error {
	var r struct {
		Changes int    `json:"changes"`
		Before  string `json:"before"`
		After   string `json:"after"`
	}
	err := serving(ctx, func(ctx context.Context) (web.Content, func()) { return feed.Live(ctx, 20_000, 100_000) }, func(link string) error {
		return drive(ctx, "stable", link, &r, fmt.Sprint(seconds))
	})
	if err != nil {
		return err
	}
	fmt.Printf("%d s with a packet selected at 20000 packets/s: %d changes of rows or details (wanted 0: %s), %s → %s packets\n\n",
		seconds, r.Changes, verdict(r.Changes == 0 && r.Before != r.After), r.Before, r.After)
	return nil
}

// stored measures over the program itself, which is built for it.
func stored(ctx context.Context, packets uint64, dir string) error {
	tmp, err := os.MkdirTemp("", "tarrafa-bench-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	program := filepath.Join(tmp, "tarrafa")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/tarrafa")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	if dir == "" {
		dir = tmp
	}
	capture, err := archiveIn(ctx, program, dir, packets)
	if err != nil {
		return err
	}
	var r struct {
		Total         int
		P50, P95, Max float64
		Renderer      float64
		Filters       []struct {
			Filter string
			MS     float64
		}
	}
	if err := viewing(ctx, program, capture, func(link string) error { return drive(ctx, "archive", link, &r, "60") }); err != nil {
		return err
	}
	fmt.Printf("stored capture of %d packets\n", r.Total)
	fmt.Printf("jump anywhere: p50 %.0f ms, p95 %.0f ms, max %.0f ms (wanted p95 < 100: %s)\n", r.P50, r.P95, r.Max, verdict(r.P95 < 100))
	for _, f := range r.Filters {
		fmt.Printf("first rows of %-28s %6.0f ms (wanted < 300: %s)\n", f.Filter, f.MS, verdict(f.MS < 300))
	}
	fmt.Printf("renderer %.0f MB (wanted < 300: %s)\n", r.Renderer/1e6, verdict(r.Renderer < 300e6))
	return nil
}

// archiveIn returns the capture that a folder holds, made when there is none.
func archiveIn(ctx context.Context, program, dir string, packets uint64) (string, error) {
	if old, _ := filepath.Glob(filepath.Join(dir, "*", "capture.json")); len(old) > 0 {
		return filepath.Dir(old[0]), nil
	}
	start := time.Now()
	capture, err := feed.Archive(dir, packets)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, program, "reindex", "--no-sandbox", capture).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("reindex: %w\n%s", err, out)
	}
	fmt.Printf("%d packets written and indexed in %s\n", packets, time.Since(start).Round(time.Second))
	return capture, nil
}

// viewing runs f with a link to the program over a capture.
func viewing(ctx context.Context, program, capture string, f func(link string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "view", "--listen", "127.0.0.1:0", capture)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = w.Close()
	defer func() { cancel(); _ = cmd.Wait() }()
	b := make([]byte, 4096)
	n, err := r.Read(b)
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	_, link, found := strings.Cut(line, "The page: ")
	if !found {
		return fmt.Errorf("the viewer said %q", line)
	}
	return f(strings.TrimSpace(link))
}

// serving runs f with a link to a server of the content that start makes.
func serving(ctx context.Context, start func(context.Context) (web.Content, func()), f func(link string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	content, wait := start(ctx)
	s := web.New(web.Config{Content: content})
	if err := s.Listen(ctx, "127.0.0.1:0"); err != nil {
		cancel()
		return err
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	err := f(s.Link())
	cancel()
	<-done
	wait()
	return err
}

// drive runs a scenario of the page's tests and reads its result into v.
func drive(ctx context.Context, scenario, link string, v any, args ...string) error {
	browser := os.Getenv("CHROMIUM")
	if browser == "" {
		browser = "/usr/bin/chromium"
	}
	modules, err := filepath.Abs("ui/node_modules/playwright-core")
	if err != nil {
		return err
	}
	profile, err := os.MkdirTemp("", "tarrafa-bench-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(profile) }()
	cmd := exec.CommandContext(ctx, "node", append([]string{"test/page/drive.mjs", scenario, link}, args...)...)
	cmd.Env = append(os.Environ(), "CHROMIUM="+browser, "PLAYWRIGHT_CORE="+modules, "PROFILE_DIR="+profile)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", scenario, err, problems.String())
	}
	return json.Unmarshal(out, v)
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func verdict(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}
