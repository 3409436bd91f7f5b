package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// app holds what a process has from its start to its end: the data folder, the
// connection to the broker, and the engine that is at work now.
type app struct {
	cfg   Config
	log   *slog.Logger
	lock  *streams.DataLock
	conn  *streams.Conn
	token string

	traffic *console.Traffic

	engine  atomic.Pointer[engine]
	readied chan struct{} // closed when an engine is ready for the first time
	ending  chan struct{} // closed when the HTTP server begins to end
	once    sync.Once
	watch   func(publish.Outcome)  // set before run; told every outcome of a push
	heard   func(*domain.Recorded) // set before run; told every event that is folded, in order
	pace    pace                   // set before run

	folding projections.Folding // how events become product states
	workers int                 // that decode in a rebuild; 0 for one per processor
	longLog domain.Position     // how many events are folded at once when none is folded yet
	// rebuilds says that product states of another format are no reason to stop: they
	// are folded anew.
	rebuilds bool
}

// pace is the clock that publishing goes by, and how long it waits for an answer
// of BigCommerce. The zero value is real time and the defaults of the client.
type pace struct {
	now     func() time.Time
	after   func(time.Duration) <-chan time.Time
	timeout time.Duration
}

// lockPatience is how long a data folder is waited for that a command is at work on: most
// take less, and none should have to be tried again because of another.
const lockPatience = 5 * time.Second

// lockData locks a data folder. The error is a [*streams.LockedError] when a process serves
// from it, or a command does not end.
func lockData(ctx context.Context, dir string) (*streams.DataLock, error) {
	const often = 20 * time.Millisecond
	return backoff.Retry(ctx, func() (*streams.DataLock, error) {
		lock, err := streams.LockDataDir(dir)
		if locked, is := errors.AsType[*streams.LockedError](err); !is || locked.Holder.Address != "" {
			err = backoff.Permanent(err)
		}
		return lock, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(often)), backoff.WithMaxElapsedTime(lockPatience))
}

// openApp takes the data folder, connects to the broker and checks its streams.
// Everything it has opened is closed by close, or by itself on an error.
func openApp(ctx context.Context, cfg Config, log *slog.Logger) (*app, error) {
	return openChecked(ctx, cfg, log, unlessRestoring((*streams.Conn).Ensure))
}

// openChecked is openApp with a check of its own.
func openChecked(ctx context.Context, cfg Config, log *slog.Logger, check func(*streams.Conn, context.Context) error) (*app, error) {
	lock, err := lockData(ctx, cfg.Data)
	if err != nil {
		return nil, err
	}
	if err := limitMemory(); err != nil {
		log.Warn("the garbage collector knows no limit of the memory", "err", err)
	}
	a := &app{
		cfg: cfg, log: log, lock: lock, readied: make(chan struct{}), ending: make(chan struct{}),
		folding: projections.Present(), traffic: console.NewTraffic(), watch: func(publish.Outcome) {}, heard: func(*domain.Recorded) {},
		longLog: aLongLog,
	}
	if a.embedded() {
		if err := interruptedRestore(cfg.Data); err != nil {
			return nil, errors.Join(err, a.close())
		}
	}
	if err := a.connect(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	if err := check(a.conn, ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *app) connect(ctx context.Context) (err error) {
	if a.token, err = apiToken(a.cfg.Data); err != nil {
		return err
	}
	password := a.cfg.NATS.Password.Reveal()
	if file := a.cfg.NATS.PasswordFile; file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("broker password: %w", err)
		}
		password = strings.TrimSpace(string(b))
	}
	n := a.cfg.NATS
	adapters := make([]domain.StoreID, len(a.cfg.Stores))
	for i, s := range a.cfg.Stores {
		adapters[i] = domain.StoreID(s.ID)
	}
	a.conn, err = streams.Connect(ctx, streams.Config{
		URL: n.URL.Reveal(), DataDir: a.cfg.Data, Listen: a.cfg.Listen, Adapters: adapters,
		CredentialsFile: n.Credentials, User: n.User, Password: password,
		TLSCA: n.CA, TLSCert: n.Cert, TLSKey: n.Key, Replicas: n.Replicas, Logger: a.log,
	})
	return err
}

// embedded reports whether the broker is in this process, so that the lock of the
// data folder makes it the only one.
func (a *app) embedded() bool { return a.cfg.NATS.URL == "" }

func (a *app) close() error {
	var errs []error
	if a.conn != nil {
		errs = append(errs, a.conn.Close())
	}
	return errors.Join(append(errs, a.lock.Unlock())...)
}

// run does the work of the roles until ctx ends. One process at a time owns the
// projecting, one the publishing, and one the polling, of a broker's stores. With an embedded broker
// that is whoever has the data folder; on a cluster, whoever has the leases, while
// the others stand by, reading what the owner writes.
func (a *app) run(ctx context.Context, roles roleSet) error {
	if a.embedded() || !slices.ContainsFunc(ownedRoles(), roles.has) {
		return a.tenure(ctx, roles)
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	for {
		own, err := a.standBy(ctx, roles)
		if err == nil {
			a.log.Info("this process is the owner now", "roles", roles.String())
			err = a.tenure(own.ctx, roles)
		}
		lost := own.ctx != nil && own.ctx.Err() != nil
		own.release(context.WithoutCancel(ctx), a.log)
		var away *streams.UnavailableError
		switch {
		case ctx.Err() != nil:
			return ended(ctx, err)
		case errors.As(err, &away):
			a.log.Warn("the broker is away; trying again", "err", err)
			select {
			case <-time.After(away.RetryAfter):
			case <-ctx.Done():
				return nil
			}
		case !lost:
			return err
		default:
			a.log.Warn("this process is no longer the owner; standing by")
		}
	}
}

// ownership is the leases of one tenure.
type ownership struct {
	ctx    context.Context // ends with the first of the leases
	leases []*streams.Lease
	end    func()
}

// own waits until the leases of the roles are ours.
func (a *app) own(ctx context.Context, roles roleSet) (ownership, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	var names []string
	for _, role := range ownedRoles() {
		if roles.has(role) {
			names = append(names, role)
		}
	}
	leases, err := a.conn.AcquireAll(ctx, streams.LeaseConfig{Holder: fmt.Sprintf("%s, process %d", host, os.Getpid())}, names...)
	if err != nil {
		return ownership{}, err
	}
	return ownership{leases: leases, ctx: leases[len(leases)-1].Context()}, nil
}

func (o *ownership) release(ctx context.Context, log *slog.Logger) {
	for _, lease := range slices.Backward(o.leases) {
		if err := lease.Release(ctx); err != nil {
			log.Warn("a lease was not given back; the next owner waits until it is over", "err", err)
		}
	}
	o.end()
}

// standBy serves what needs no ownership until it is ours. The ownership has to be
// released, also after an error.
func (a *app) standBy(ctx context.Context, roles roleSet) (ownership, error) {
	idle, stop := context.WithCancel(ctx)
	defer stop()
	waiting, end := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- a.tenure(idle, roles.without(ownedRoles()...)) }()
	type answer struct {
		own ownership
		err error
	}
	owned := make(chan answer, 1)
	go func() {
		own, err := a.own(waiting, roles)
		owned <- answer{own, err}
	}()
	var got answer
	select {
	case got = <-owned:
		stop()
		// What it was doing may have been cut off anywhere, also while it was starting.
		got.err = errors.Join(got.err, ended(idle, <-served))
	case err := <-served:
		end()
		got = <-owned
		got.err = errors.Join(err, ctx.Err())
	}
	got.own.end = end
	return got.own, got.err
}

// tenure is one engine from its start to its end.
func (a *app) tenure(ctx context.Context, roles roleSet) error {
	e, err := newEngine(ctx, a, roles)
	if projections.IsOtherFolding(err) && a.rebuilds {
		if !roles.has(roleProject) {
			a.log.Warn("waiting for the process that projects to fold the product states anew", "err", err)
			<-ctx.Done()
			return nil
		}
		if err := a.rebuildOnStart(ctx, err); err != nil {
			return err
		}
		e, err = newEngine(ctx, a, roles)
	}
	if err != nil {
		return err
	}
	a.engine.Store(e)
	return e.run(ctx)
}

// ServeHTTP hands a request to the engine at work.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := a.engine.Load()
	if e == nil {
		problem.Write(w, problem.New(http.StatusServiceUnavailable, "starting"))
		return
	}
	e.handler.ServeHTTP(w, r)
}

// handler is the API with its guard.
func (a *app) handler() http.Handler {
	g := console.Guard{
		Master: a.token, Tokens: console.NewTokens(a.conn.Control()), MostPerSecond: a.cfg.HTTPRate, Logger: a.log,
		Hint: "send the header Authorization: Bearer TOKEN; the token for everything is in " + tokenFile(a.cfg.Data) + ", and tillstream tokens create makes others",
	}
	return a.traffic.Count(g.Protect(a))
}

func tokenFile(data string) string { return filepath.Join(data, "api-token") }

// apiToken reads the token of the data folder's API, and makes one first if there
// is none.
func apiToken(data string) (string, error) {
	file := tokenFile(data)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		random := make([]byte, 32)
		rand.Read(random) // never fails, by its documentation
		b = []byte(base64.RawURLEncoding.EncodeToString(random) + "\n")
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		return "", withHint(fmt.Errorf("API token: %w", err), "another folder with --data, or see that this one is on a writable disk and belongs to the user that runs tillstream")
	}
	token := strings.TrimSpace(string(b))
	if token == "" {
		return "", fmt.Errorf("API token: %s is empty; delete it, and a new one is made", file)
	}
	return token, nil
}
