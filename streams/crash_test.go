package streams_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// crashDir makes the test binary append until it is killed, instead of testing.
const crashDir = "STREAMS_TEST_APPEND_TO"

func TestMain(m *testing.M) {
	if server := os.Getenv(clusterServer); server != "" {
		if err := serve(server); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(crashDir); dir != "" {
		testing.Init()
		if testing.Benchmark(func(b *testing.B) { appendForEver(b, dir) }).N == 0 {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const crashGroup = 5

// appendForEver tells of every acknowledged group on standard output.
func appendForEver(b *testing.B, dir string) {
	c := streamstest.Start(b, streamstest.WithSync(), streamstest.WithDataDir(dir))
	for n := 0; ; n++ {
		got, err := c.POS().Append(b.Context(), "demo", sales("i", n*crashGroup, crashGroup))
		if err != nil {
			b.Fatal(err)
		}
		fmt.Println("accepted", got[0].Position, n*crashGroup)
	}
}

// A process that is killed has lost nothing that it said was accepted, and left no
// group in part.
func TestLog_Crash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	accepted := map[domain.Position]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() { // to the end, since the last words before the kill count too
		var at domain.Position
		var n int
		if _, err := fmt.Sscanf(lines.Text(), "accepted %d %d", &at, &n); err == nil {
			for i := range crashGroup {
				accepted[at+domain.Position(i)] = fmt.Sprintf("i-%d", n+i)
			}
		}
		if len(accepted) == 40*crashGroup {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(accepted) < 40*crashGroup {
		t.Fatalf("the child ended with %v after %d events, want it killed", err, len(accepted))
	}
	c := streamstest.Start(t, streamstest.WithSync(), streamstest.WithDataDir(dir))
	n := 0
	if err := c.POS().Read(t.Context(), streams.Query{}, func(m streams.Message) error {
		r, err := m.Recorded()
		if err != nil {
			return err
		}
		if want, ok := accepted[m.Position]; ok && want != string(r.ID) {
			t.Errorf("position %d holds %s, accepted was %s", m.Position, r.ID, want)
		}
		if int(r.SourceVersion) != n+1 {
			t.Errorf("position %d holds event %d, want %d", m.Position, r.SourceVersion, n+1)
		}
		n++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n < len(accepted) || n%crashGroup != 0 {
		t.Errorf("the log holds %d events, want at least the %d accepted, in whole groups of %d", n, len(accepted), crashGroup)
	}
	if got := mustAppend(t, c.POS(), sales("i", 0, crashGroup)...); !got[0].Duplicate || got[0].Position != 1 {
		t.Errorf("got %+v; the duplicate window must outlive a crash", got)
	}
}

// A full store refuses in words, and keeps what it has.
func TestLog_Full(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t, streamstest.WithConfig(func(c *streams.Config) { c.MaxStore = 256 << 10 }))
	last := domain.Position(0)
	for _, size := range []int{100, 1} {
		var err error
		for n := 0; err == nil; n++ {
			var got []streams.Appended
			if got, err = c.POS().Append(t.Context(), "demo", sales(fmt.Sprint("groups-of-", size), n*size, size)); err == nil {
				last = got[len(got)-1].Position
			}
		}
		var unavailable *streams.UnavailableError
		if !errors.As(err, &unavailable) || !unavailable.Full || !strings.Contains(err.Error(), c.Config().DataDir) || !strings.Contains(err.Error(), "free disk space") {
			t.Errorf("got error %v; want one that says that %s is full and what to do", err, c.Config().DataDir)
		}
	}
	if got, err := c.POS().Last(t.Context()); err != nil || got != last {
		t.Errorf("got last position %d, %v; want %d, that of the last accepted event", got, err, last)
	}
}

// A folder that cannot be written is named.
func TestConnect_ErrFolder(t *testing.T) {
	t.Parallel()
	cfg := streamstest.Config(t)
	if err := os.WriteFile(cfg.DataDir+"/nats", nil, 0o600); err != nil { // in the folder's place
		t.Fatal(err)
	}
	_, err := streams.Connect(t.Context(), cfg)
	var unavailable *streams.UnavailableError
	if !errors.As(err, &unavailable) || !strings.Contains(err.Error(), cfg.DataDir+"/nats cannot be written") {
		t.Errorf("got error %v; want one that names %s/nats", err, cfg.DataDir)
	}
}
