package streams_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/tillstream/tillstream/streams"
)

// clusterServer makes the test binary be one server of a cluster, as it is
// described there, instead of testing.
const clusterServer = "STREAMS_TEST_CLUSTER_SERVER"

// clustered is one server of three on this machine, which can be killed.
type clustered struct {
	Name         string
	Port, Routed int // where clients and the other servers reach it
	Routes, Dir  string

	process *exec.Cmd
	said    transcript
}

// transcript may be read while it is written.
type transcript struct {
	mu   sync.Mutex
	said []byte
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said = append(t.said, p...)
	return len(p), nil
}

func (t *transcript) Bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.said)
}

// serve is the other process.
func serve(description string) error {
	var c clustered
	if err := json.Unmarshal([]byte(description), &c); err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{
		ServerName: c.Name, Host: "127.0.0.1", Port: c.Port, NoSigs: true,
		Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: c.Routed}, Routes: server.RoutesFromStr(c.Routes),
		JetStream: true, StoreDir: c.Dir, SyncAlways: true,
	})
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	s.WaitForShutdown()
	return nil
}

func (c *clustered) start(t *testing.T) {
	t.Helper()
	description, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	c.process = exec.Command(os.Args[0])
	c.process.Env = append(os.Environ(), clusterServer+"="+string(description))
	c.process.Stdout, c.process.Stderr = &c.said, &c.said
	if err := c.process.Start(); err != nil {
		t.Fatal(err)
	}
}

func (c *clustered) kill() {
	_ = c.process.Process.Kill() // SIGKILL
	_ = c.process.Wait()         // says that it was killed
}

func startCluster(t *testing.T) []*clustered {
	t.Helper()
	servers := make([]*clustered, 3)
	var routes []string
	for i := range servers {
		servers[i] = &clustered{Name: fmt.Sprint("server-", i), Port: freePort(t), Routed: freePort(t), Dir: t.TempDir()}
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", servers[i].Routed))
	}
	for _, s := range servers {
		s.Routes = strings.Join(routes, ",")
		s.start(t)
		t.Cleanup(func() {
			s.kill()
			if t.Failed() {
				t.Logf("%s warned:\n%s", s.Name, warnings(s.said.Bytes()))
			}
		})
	}
	return servers
}

// warnings are the lines of a server's log that say that something is wrong, but
// for those of servers that are away.
func warnings(said []byte) []byte {
	var out []byte
	for line := range bytes.Lines(said) {
		wrong := slices.ContainsFunc([]string{"[WRN]", "[ERR]", "[FTL]"}, func(level string) bool { return bytes.Contains(line, []byte(level)) })
		if wrong && !bytes.Contains(line, []byte("route")) {
			out = append(out, line...)
		}
	}
	return out
}

// freePort returns a port that a server finds free when it starts, and when it starts again.
// It is below those that the system gives to connections and to listeners that take any: one
// that it chose itself would be given to somebody else in between now and then.
func freePort(t *testing.T) int {
	t.Helper()
	const lowest, beyond = 10_000, 32_000
	var err error
	for range 1000 {
		port := lowest + rand.IntN(beyond-lowest)
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal(err)
	return 0
}

// eventually tries what a cluster may refuse for as long as it elects a leader.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute: %v", what, err)
		}
	}
}

// Each of the three servers is killed once and comes back, and the two others go
// on meanwhile, one of which was killed before. Then all are killed. Half of each
// group was sent before. Every accepted event is in the log once, in order, and
// reaches who follows it.
func TestCluster_Crash(t *testing.T) {
	t.Parallel()
	servers := startCluster(t)
	var urls []string
	for _, s := range servers {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", s.Port))
	}
	var c *streams.Conn
	eventually(t, "the cluster is reached", func() (err error) {
		c, err = streams.Connect(t.Context(), streams.Config{URL: strings.Join(urls, ","), Replicas: 3})
		return err
	})
	t.Cleanup(func() { _ = c.Close() }) // its servers may be gone before
	eventually(t, "the streams are there", func() error { return c.Ensure(t.Context()) })

	follower, err := c.POS().Follow(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Close()

	const group = 20
	groups := 0
	happen := func(n int) {
		t.Helper()
		for range n {
			// An election takes time, and is no reason to refuse.
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			from, to := max(0, groups*group-group/2), (groups+1)*group
			_, err := c.POS().Append(ctx, "demo", sales("i", from, to-from))
			cancel()
			if err != nil {
				t.Fatalf("group %d: %v", groups, err)
			}
			groups++
		}
	}
	for i, s := range servers {
		happen(20)
		s.kill()
		happen(20)
		s.start(t)
		eventually(t, s.Name+" has caught up", func() error { return current(t, c) })
		happen(20)
		t.Logf("server %d was killed and has caught up", i)
	}
	for _, s := range servers {
		s.kill()
	}
	for _, s := range servers {
		s.start(t)
	}
	eventually(t, "all have caught up", func() error { return current(t, c) })
	for n := range groups * group {
		m, err := follower.Next(t.Context())
		if err != nil || int(m.Position) != n+1 {
			t.Fatalf("a reader that was there from the beginning reads position %d, %v; want %d", m.Position, err, n+1)
		}
	}
	n := 0
	if err := c.POS().Read(t.Context(), streams.Query{}, func(m streams.Message) error {
		r, err := m.Recorded()
		if err == nil && int(r.SourceVersion) != n+1 {
			err = fmt.Errorf("position %d holds event %d, want %d", m.Position, r.SourceVersion, n+1)
		}
		n++
		return err
	}); err != nil {
		t.Error(err)
	}
	if n != groups*group {
		t.Errorf("the log holds %d events, want %d", n, groups*group)
	}
	for _, s := range servers {
		said := s.said.Bytes()
		if at := bytes.Index(said, []byte("corrupt")); at >= 0 {
			t.Errorf("%s says %.200s", s.Name, said[at:])
		}
	}

	// Each stream elects a leader of its own, and only POS was waited for so far.
	eventually(t, "the cluster is well", func() error { return c.Health(t.Context()) })
	// What can be read is no proof that anything can be recorded: 2.15.3 gives up a
	// stream over this message, see Log.findStored.
	if err := c.JetStream().Conn().PublishMsg(&nats.Msg{Subject: "pos.demo.x", Header: nats.Header{"Nats-Expected-Last-Msg-Id": {"no"}}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is said that nothing can be recorded", func() error {
		err := c.Health(t.Context())
		if _, readable := c.POS().Last(t.Context()); err == nil || readable != nil || !strings.Contains(err.Error(), "no leader for the stream POS") {
			return fmt.Errorf("health: %w, reading: %w", err, readable)
		}
		return nil
	})
}

// current says why not all servers hold the whole POS log.
func current(t *testing.T, c *streams.Conn) error {
	s, err := c.JetStream().Stream(t.Context(), "POS")
	if err != nil {
		return err
	}
	cluster := s.CachedInfo().Cluster
	if cluster == nil || cluster.Leader == "" || len(cluster.Replicas) != 2 {
		return errors.New("it has no leader")
	}
	for _, r := range cluster.Replicas {
		if !r.Current || r.Offline || r.Lag > 0 {
			return fmt.Errorf("%+v is behind", *r)
		}
	}
	return nil
}
