package streams

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// maxPayload bounds one message on the embedded server, headers included. It is
// the default of NATS servers, so that a log can move between them.
const maxPayload = 1 << 20

// ackWait is how long one attempt waits for the server. Reaching it says nothing
// about the outcome, so it only has to be longer than a slow disk's fsync.
const ackWait = 5 * time.Second

// maxUnacknowledged bounds the pipelined publishes of a connection.
const maxUnacknowledged = 1 << 13

// Conn is a connection to the broker and, when it is embedded, the broker itself.
// It is safe for concurrent use. Close it after everything that uses it has ended.
type Conn struct {
	cfg      Config
	password string
	srv      *server.Server // nil when not embedded

	nc *nats.Conn          // appends, puts, management
	js jetstream.JetStream // of nc

	// Reading has a connection of its own: thousands of delivered messages may
	// wait there, and an append's acknowledgement must not stand behind them.
	readNC *nats.Conn
	readJS jetstream.JetStream

	// So have questions for single messages, which must stand neither behind
	// thousands of writes on their way out nor behind deliveries on their way in.
	askNC *nats.Conn
	askJS jetstream.JetStream

	pos, sync             *Log
	dead                  *DeadLetters
	publications, control *Bucket
	heads                 *Heads
	tiles                 *Tiles
	ctx                   context.Context // ends with Close; bounds the committers
	cancel                context.CancelFunc
	committers            sync.WaitGroup
	handles               sync.Map      // jetstream.Stream by name
	impatient             time.Duration // of tests, see masked.go
	closeOnce             sync.Once
	closeErr              error
}

// Connect starts the embedded server when cfg has no URL, and connects. It makes
// no streams: [Conn.Ensure] does. It does not lock the data folder: whoever starts
// an embedded server holds [LockDataDir] first, since two servers on one folder
// destroy it. The context bounds the start only.
func Connect(ctx context.Context, cfg Config) (*Conn, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c := &Conn{cfg: cfg, password: cfg.Password}
	if cfg.embedded() {
		if c.srv, c.password, err = startServer(ctx, cfg); err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
	}
	if err := c.dial(); err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", err), c.shutdown())
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.pos = newLog(c, streamPOS, posPrefix)
	c.sync = newLog(c, streamSync, syncPrefix)
	if c.dead, err = newDeadLetters(c); err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", err), c.shutdown())
	}
	c.publications = newBucket(c, streamPublications, publicationsPrefix)
	c.control = newBucket(c, streamControl, controlPrefix)
	c.heads, c.tiles = &Heads{c}, &Tiles{c}
	return c, nil
}

func (c *Conn) dial() (err error) {
	if c.nc, err = c.open("tillstream write"); err != nil {
		return err
	}
	if c.readNC, err = c.open("tillstream read"); err != nil {
		return err
	}
	if c.askNC, err = c.open("tillstream ask"); err != nil {
		return err
	}
	if c.askJS, err = jetstream.New(c.askNC, jetstream.WithDefaultTimeout(ackWait)); err != nil {
		return err
	}
	if c.js, err = jetstream.New(c.nc, jetstream.WithDefaultTimeout(ackWait),
		jetstream.WithPublishAsyncMaxPending(maxUnacknowledged), jetstream.WithPublishAsyncTimeout(ackWait)); err != nil {
		return err
	}
	c.readJS, err = jetstream.New(c.readNC, jetstream.WithDefaultTimeout(ackWait))
	return err
}

// open makes one more connection for the configured user.
func (c *Conn) open(name string) (*nats.Conn, error) {
	log := c.cfg.Logger
	opts := []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		// Without a buffer for the time between two connections, what is published
		// after something was lost cannot overtake its repetition.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if err != nil {
				log.Warn("connection to the broker is lost, trying to get it back", "connection", name, "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("connection to the broker is back", "connection", name, "url", nc.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrSlowConsumer) {
				log.Warn("messages came faster than this process could take them; readers ask for them again", "connection", name)
				return
			}
			log.Error("connection to the broker", "connection", name, "error", err)
		}),
	}
	if c.srv != nil {
		opts = append(opts, nats.InProcessServer(c.srv))
	}
	if c.cfg.CredentialsFile != "" {
		opts = append(opts, nats.UserCredentials(c.cfg.CredentialsFile))
	}
	if c.cfg.User != "" {
		opts = append(opts, nats.UserInfo(c.cfg.User, c.password))
	}
	if c.cfg.TLSCA != "" {
		opts = append(opts, nats.RootCAs(c.cfg.TLSCA))
	}
	if c.cfg.TLSCert != "" {
		opts = append(opts, nats.ClientCert(c.cfg.TLSCert, c.cfg.TLSKey))
	}
	if c.cfg.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(c.cfg.InboxPrefix))
	}
	nc, err := nats.Connect(c.cfg.URL, opts...)
	if err != nil {
		where := c.cfg.URL
		if c.srv != nil {
			where = "the embedded server"
		}
		return nil, &UnavailableError{Reason: fmt.Sprintf("cannot reach the broker at %s: %v", redactURL(where), err),
			Hint: "see that it is up and that user, password or credentials file are right", RetryAfter: 5 * time.Second, Err: err}
	}
	return nc, nil
}

// Close waits for the appends under way, closes the connections and stops the
// embedded server. What was accepted is on disk. It may be called twice.
func (c *Conn) Close() error {
	c.closeOnce.Do(func() {
		c.pos.close()
		c.sync.close()
		c.committers.Wait()
		c.cancel()
		c.closeErr = c.shutdown()
	})
	return c.closeErr
}

func (c *Conn) shutdown() error {
	var errs []error
	for _, nc := range []*nats.Conn{c.askNC, c.readNC, c.nc} {
		if nc != nil {
			// Nothing is buffered that anybody waits for, so flushing is a courtesy to
			// acknowledgements without an answer.
			if err := nc.FlushTimeout(time.Second); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && c.srv == nil {
				errs = append(errs, fmt.Errorf("close: %w", err))
			}
			nc.Close()
		}
	}
	if c.srv != nil {
		c.srv.Shutdown()
		c.srv.WaitForShutdown()
	}
	return errors.Join(errs...)
}

// POS is the log of what happened in the POS, by item.
func (c *Conn) POS() *Log { return c.pos }

// Sync is the log of what happened on our side, by product.
func (c *Conn) Sync() *Log { return c.sync }

// DeadLetters is the log of messages that could not be used.
func (c *Conn) DeadLetters() *DeadLetters { return c.dead }

// Publications is the bucket of links and last pushes.
func (c *Conn) Publications() *Bucket { return c.publications }

// Control is the bucket of the current epoch, paused stores, cursors and leases.
func (c *Conn) Control() *Bucket { return c.control }

// Heads is the log of signed tree heads.
func (c *Conn) Heads() *Heads { return c.heads }

// Tiles holds the hashes of the trees over the logs.
func (c *Conn) Tiles() *Tiles { return c.tiles }

// Products is the bucket of one build of the product projection.
// [Conn.EnsureProducts] makes it.
func (c *Conn) Products(epoch uint64) *Bucket {
	return newBucket(c, productsStream(epoch), productsSubjects(epoch))
}

// ClientURL is where another program can connect, without a password in it.
func (c *Conn) ClientURL() string {
	if c.srv != nil {
		return c.srv.ClientURL()
	}
	return redactURL(c.cfg.URL)
}

// PasswordFile is the file that holds the password of one of the embedded
// server's users: "app", "operator" or an [AdapterUser]. It is empty for another
// server.
func (c *Conn) PasswordFile(user string) string {
	if c.srv == nil {
		return ""
	}
	return filepath.Join(userDir(c.cfg.DataDir), user)
}

// Config is the configuration in use, defaults filled in.
func (c *Conn) Config() Config { return c.cfg }
