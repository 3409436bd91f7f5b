package streams

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// DefaultDuplicateWindow is how long the logs remember event ids. It costs the
// server memory per id and start-up time.
const DefaultDuplicateWindow = 24 * time.Hour

// DefaultListen is where the embedded server listens: this machine only, on a
// free port.
const DefaultListen = "127.0.0.1:0"

// Config says which server to use and how. The zero value with a DataDir is a
// single process with everything in it.
type Config struct {
	// URL of a NATS server or several, separated by commas. Empty starts an
	// embedded server, which needs DataDir.
	URL string

	// DataDir is the folder that holds the embedded server's files below "nats"
	// and its users' passwords below "users". It is created when missing.
	DataDir string

	// How to identify to the server at URL. The embedded server keeps its own
	// users; User may then name one of them, and is "app" when empty.
	CredentialsFile string
	User, Password  string
	TLSCA           string // PEM file of authorities to trust besides the system's
	TLSCert, TLSKey string // PEM files of a client certificate

	// InboxPrefix is where the user of URL may listen to answers, when that is not
	// everywhere; see [AdapterInbox].
	InboxPrefix string

	// Listen is the embedded server's address, [DefaultListen] when empty. Port 0
	// takes a free port.
	Listen string

	// Adapters are the stores for which the embedded server has an [AdapterUser].
	Adapters []domain.StoreID

	// Replicas of every stream on a cluster; 1 when zero. An embedded server has 1.
	Replicas int

	// DuplicateWindow is [DefaultDuplicateWindow] when zero. The server takes no
	// less than 100 ms.
	DuplicateWindow time.Duration

	// MaxStore bounds the bytes that the embedded server stores; zero leaves a
	// quarter of the free disk alone. Appends above it are refused with an
	// [UnavailableError]; nothing stored is touched.
	MaxStore int64

	// WithoutSync lets the embedded server acknowledge before fsync. It breaks the
	// promise that accepted is durable and exists for tests of other things.
	WithoutSync bool

	// Logger takes what the server and the connection have to say; nil is silence.
	Logger *slog.Logger

	// Now is the clock for what is written down, time.Now when nil. Leases measure
	// with the machine's monotonic clock instead.
	Now func() time.Time
}

func (c Config) embedded() bool { return c.URL == "" }

func (c Config) withDefaults() (Config, error) {
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.DuplicateWindow == 0 {
		c.DuplicateWindow = DefaultDuplicateWindow
	}
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.embedded() && c.User == "" {
		c.User = appUser
	}
	return c, c.validate()
}

func (c Config) validate() error {
	var errs []error
	if c.embedded() {
		if c.DataDir == "" {
			errs = append(errs, errors.New("data folder: is required for an embedded server; set DataDir, or URL to use another server"))
		}
		if c.Replicas != 1 {
			errs = append(errs, fmt.Errorf("replicas: %d: an embedded server has 1; set URL to use a cluster", c.Replicas))
		}
		if _, _, err := splitListen(c.Listen); err != nil {
			errs = append(errs, err)
		}
	}
	if c.Replicas < 1 || c.Replicas > 5 {
		errs = append(errs, fmt.Errorf("replicas: %d: must be 1 to 5", c.Replicas))
	}
	if c.DuplicateWindow < 100*time.Millisecond {
		errs = append(errs, fmt.Errorf("duplicate window: %s: must be at least 100ms", c.DuplicateWindow))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		errs = append(errs, errors.New("TLS: a client certificate needs both its certificate and its key file"))
	}
	return errors.Join(errs...)
}

// splitListen returns the host and the port of an address, port -1 for any free.
func splitListen(addr string) (string, int, error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("listen: %q: must be host:port, such as %s", addr, DefaultListen)
	}
	port, err := strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen: %q: the port must be 0 to 65535", addr)
	}
	if port == 0 {
		port = -1
	}
	return host, port, nil
}

// redactURL takes passwords out of a list of server URLs, for messages.
func redactURL(urls string) string {
	parts := strings.Split(urls, ",")
	for i, p := range parts {
		if u, err := url.Parse(strings.TrimSpace(p)); err == nil && u.User != nil {
			parts[i] = u.Redacted()
		}
	}
	return strings.Join(parts, ",")
}
