package history

import (
	"context"
	"testing"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/query/readertest"
)

func TestFileReader(t *testing.T) {
	readertest.Run(t, func(t *testing.T, file string) query.Reader {
		c, err := OpenFile(file, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}, readertest.Options{Link: true})
}

// imported makes an archive of a capture file.
func imported(t *testing.T, file string, segmentBytes int64) *archive.Stored {
	t.Helper()
	in, err := archive.Import(context.Background(), archive.Config{DataDir: t.TempDir(), Program: "test", SegmentBytes: segmentBytes}, []string{file}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := archive.Open(in.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func indexed(t *testing.T, s *archive.Stored) {
	t.Helper()
	b, err := index.Build(context.Background(), s, index.BuildOptions{Program: "test"})
	if err != nil || len(b.Failed) > 0 {
		t.Fatal(err, b)
	}
}

func TestArchiveReader(t *testing.T) {
	readertest.Run(t, func(t *testing.T, file string) query.Reader {
		s := imported(t, file, 0)
		indexed(t, s)
		c, err := Open(s.Dir(), Options{Notice: func(text string) { t.Error(text) }})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}, readertest.Options{})
}

func TestArchiveReaderWithoutIndex(t *testing.T) {
	if testing.Short() {
		t.Skip("the same questions as with the index")
	}
	readertest.Run(t, func(t *testing.T, file string) query.Reader {
		c, err := Open(imported(t, file, 0).Dir(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}, readertest.Options{})
}
