// Package page_test drives the page in a real browser.
package page_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/web"
	"github.com/tarrafa/tarrafa/test/page/feed"
)

// missing skips a test whose real component is not here, and fails where CI promises it.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is needed", what)
	}
	t.Skipf("%s is needed", what)
}

// drive runs a scenario of drive.mjs against a link, and reads its result into v.
func drive(t *testing.T, scenario, link string, v any, args ...string) {
	t.Helper()
	browser := os.Getenv("CHROMIUM")
	if browser == "" {
		browser = "/usr/bin/chromium"
	}
	if _, err := os.Stat(browser); err != nil {
		missing(t, "chromium at "+browser)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node")
	}
	modules, err := filepath.Abs("../../ui/node_modules/playwright-core")
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("PLAYWRIGHT_CORE"); dir != "" {
		modules = dir
	}
	if _, err := os.Stat(modules); err != nil {
		missing(t, "playwright-core (run: npm ci, in ui)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, append([]string{"drive.mjs", scenario, link}, args...)...)
	cmd.Env = append(os.Environ(), "CHROMIUM="+browser, "PLAYWRIGHT_CORE="+modules, "PROFILE_DIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", scenario, err, out)
	}
	if err := json.Unmarshal(out, v); err != nil {
		t.Fatalf("%s: %v in %q", scenario, err, out)
	}
}

// serve starts a server and returns a link to it. It ends with the test.
func serve(t *testing.T, cfg web.Config) *web.Server {
	t.Helper()
	s := web.New(cfg)
	if err := s.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// liveFeed serves a running capture of rate packets a second with behind rows before.
func liveFeed(t *testing.T, rate, behind int) *web.Server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	content, wait := feed.Live(ctx, rate, behind)
	t.Cleanup(func() { cancel(); wait() })
	return serve(t, web.Config{Version: "test", Content: content})
}

// TestScreenshots makes a picture of each view; somebody has to look at them.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("SCREENSHOTS names the folder to write to")
	}
	var r struct {
		Problems []string `json:"problems"`
	}
	data := t.TempDir()
	for _, build := range []func() (string, error){
		func() (string, error) { return feed.Archive(data, 20_000) },
		func() (string, error) { return feed.Story(data) },
	} {
		if _, err := build(); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range [][2]string{{"dark", "en"}, {"light", "pt-BR"}} {
		drive(t, "screenshots", viewer(t, build(t), data), &r, filepath.Join(dir, v[0]+"-"+v[1]), v[0], v[1])
		for _, p := range r.Problems {
			t.Errorf("the page complains: %s", p)
		}
	}
	drive(t, "running", liveFeed(t, 2000, 100_000).Link(), &r, dir)
}
