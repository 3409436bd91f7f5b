package streams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// startTimeout bounds the wait for the embedded server, whose start reads its
// indexes and, after a crash, its files.
const startTimeout = 10 * time.Minute

func storeDir(dataDir string) string { return filepath.Join(dataDir, "nats") }

// startServer starts the embedded server and waits until it takes connections. It
// returns the password of the user that cfg names.
func startServer(ctx context.Context, cfg Config) (*server.Server, string, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, "", fmt.Errorf("data folder: %w", err)
	}
	if err := probeFolder(storeDir(cfg.DataDir)); err != nil {
		return nil, "", err
	}
	users, passwords, err := loadUsers(userDir(cfg.DataDir), cfg.Adapters)
	if err != nil {
		return nil, "", err
	}
	password := cmp.Or(cfg.Password, passwords[cfg.User])
	host, port, err := splitListen(cfg.Listen)
	if err != nil {
		return nil, "", err
	}
	opts := &server.Options{
		ServerName: "tillstream",
		Host:       host,
		Port:       port,
		Users:      users,
		NoSigs:     true, // signals are for the program to handle
		JetStream:  true,
		StoreDir:   storeDir(cfg.DataDir),
		SyncAlways: !cfg.WithoutSync,
		// Without a bound of its own the server keeps a quarter of the free disk.
		JetStreamMaxStore: cfg.MaxStore,
		MaxPayload:        maxPayload,
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, "", fmt.Errorf("embedded server: %w", err)
	}
	srv.SetLoggerV2(serverLog{cfg.Logger}, false, false, false)
	started := make(chan struct{})
	go func() { // Start returns when the server listens
		defer close(started)
		srv.Start()
	}()
	stop := func() {
		<-started
		srv.Shutdown()
		srv.WaitForShutdown()
	}
	deadline := time.Now().Add(startTimeout)
	for !srv.ReadyForConnections(100 * time.Millisecond) {
		if err := ctx.Err(); err != nil {
			stop()
			return nil, "", fmt.Errorf("embedded server: %w", err)
		}
		failed := false // a server that has yet to begin does not run either
		select {
		case <-started:
			failed = !srv.Running()
		default:
		}
		if failed || time.Now().After(deadline) {
			stop()
			return nil, "", fmt.Errorf("embedded server: does not come up on %s with its files in %s; see its log lines above", cfg.Listen, opts.StoreDir)
		}
	}
	<-started
	if !srv.JetStreamEnabled() {
		stop()
		return nil, "", errors.New("embedded server: JetStream is off; see its log lines above")
	}
	return srv, password, nil
}

// roomToSpare is left for what is written beside the events: indexes and buckets.
const roomToSpare = 64 << 10

// hasRoom asks whether the embedded server may store n more bytes. It has to be
// asked before an atomic batch: a server that meets its limit in the middle of one
// leaves the first half in the stream, and completes it only when it starts anew.
// The error is an [*UnavailableError].
func (c *Conn) hasRoom(n int) error {
	if c.srv == nil {
		return nil
	}
	info, err := c.srv.Jsz(&server.JSzOptions{})
	if err != nil || info.Disabled {
		return nil // the publish finds out
	}
	if free := info.Config.MaxStore - int64(info.Store); free < int64(n)+roomToSpare {
		return c.full(fmt.Errorf("%d of %d bytes are left", max(free, 0), info.Config.MaxStore))
	}
	return nil
}

// serverLog hands the server's lines to slog. A notice of a NATS server is what
// others call debug: it says that things are as they should be.
type serverLog struct{ log *slog.Logger }

var _ server.Logger = serverLog{}

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
