package main

import (
	"log/slog"
	"time"

	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/publish"
)

// Config is everything that can be set. [LoadConfig] makes one out of flags,
// environment, file and defaults, in this order of precedence; nobody changes it
// afterwards. It prints without its secrets.
type Config struct {
	Data     string   `koanf:"data"`      // the folder of the embedded broker, its lock and the API token
	HTTP     string   `koanf:"http"`      // where up serves; a port of 0 takes a free one
	HTTPRate int      `koanf:"http_rate"` // requests a second that the bearer of one token may send; 0: any number
	Only     []string `koanf:"only"`      // roles that up takes; empty: all of them

	// Index is the file of the search index, which belongs to one process; empty: in
	// Data. With "off" there is none.
	Index string `koanf:"index"`

	// Listen is where the embedded broker listens. It has users and passwords of
	// its own, below Data.
	Listen string `koanf:"listen"`

	// Server is the base URL of a running program that commands talk to, instead of
	// the one that holds Data. Token is what its API asks for; empty: the one in Data.
	Server    string `koanf:"server"`
	Token     Secret `koanf:"token"`
	TokenFile string `koanf:"token_file"`

	// SigningKey signs the heads of the logs. Empty: the one in Data, which is made when
	// it is missing.
	SigningKey     Secret `koanf:"signing_key"`
	SigningKeyFile string `koanf:"signing_key_file"`
	Heads          Heads  `koanf:"heads"`

	NATS   NATS    `koanf:"nats"`
	Log    Log     `koanf:"log"`
	Stores []Store `koanf:"stores"` // in the order of the file

	problems []Problem // found while reading; Validate tells
}

// Heads says when the logs are signed, and who else is to have what was signed.
type Heads struct {
	File  string        `koanf:"file"`
	URL   string        `koanf:"url"`
	Every time.Duration `koanf:"every"` // at most so long after something was recorded
}

// NATS says which broker to use. Without a URL there is an embedded one.
type NATS struct {
	URL          Secret `koanf:"url"`         // several are separated by commas; it may hold a password
	Credentials  string `koanf:"credentials"` // a .creds file
	User         string `koanf:"user"`
	Password     Secret `koanf:"password"`
	PasswordFile string `koanf:"password_file"`
	CA           string `koanf:"ca"`   // PEM file of authorities to trust besides the system's
	Cert         string `koanf:"cert"` // PEM files of a client certificate
	Key          string `koanf:"key"`
	Replicas     int    `koanf:"replicas"` // of every stream
}

// Log says what the program tells about itself, on standard error.
type Log struct {
	Level  string `koanf:"level"`  // debug, info, warn or error
	Format string `koanf:"format"` // text or json
}

// Store is one store: a POS retailer and the BigCommerce store that shows it.
type Store struct {
	ID          string           `koanf:"id"`
	Stock       string           `koanf:"stock"`        // levels or movements: what moves stock
	Publish     string           `koanf:"publish"`      // linked, or all: create what has no twin
	Syncing     string           `koanf:"syncing"`      // automatic, or manual: push what is asked for only
	Inventory   string           `koanf:"inventory"`    // push, or leave stock to BigCommerce
	Images      string           `koanf:"images"`       // first: given to a created product; or none
	POSPlan     string           `koanf:"pos_plan"`     // empty: not said
	OnDelete    string           `koanf:"on_delete"`    // hide, keep or delete the twin of a deleted product
	OnMissing   string           `koanf:"on_missing"`   // report, relink or recreate a twin that is gone from BigCommerce
	Outlets     map[string]int64 `koanf:"outlets"`      // to locations; empty: all to location 1
	SafetyStock int64            `koanf:"safety_stock"` // held back at each location
	Empties     string           `koanf:"empties"`      // push, or hold what would empty a text in BigCommerce
	Breaker     Breaker          `koanf:"breaker"`
	BigCommerce BigCommerce      `koanf:"bigcommerce"`
	POS         POS              `koanf:"pos"`
}

// Breaker says which mass changes are held: none without a share.
type Breaker struct {
	Share  float64       `koanf:"share"` // of the linked products, up to 1
	Price  float64       `koanf:"price"` // of itself, by which a price may change without counting, up to 1
	Window time.Duration `koanf:"window"`
	Least  int64         `koanf:"least"` // products, below which the share does not matter
}

// BigCommerce says how to reach a store's BigCommerce side.
type BigCommerce struct {
	API       string `koanf:"api"`
	StoreHash string `koanf:"store_hash"`
	Token     Secret `koanf:"token"`
	TokenFile string `koanf:"token_file"`

	// Quiet is how long a request without an answer may still take effect: so long,
	// nothing newer is sent for its product, and nothing is created again.
	Quiet time.Duration `koanf:"quiet"`

	// What a product is created with; it is the merchant's from then on.
	Weight     string  `koanf:"weight"`
	Categories []int64 `koanf:"categories"`
	Channels   []int64 `koanf:"channels"` // where it is offered; empty: the first storefront
}

// The roles that one process of several may take.
const (
	roleIngest  = "ingest"
	roleProject = "project"
	rolePublish = "publish"
	rolePoll    = "poll"
	roleAudit   = "audit"
	roleConsole = "console"
)

// allRoles are what up does when nothing is said.
func allRoles() []string {
	return []string{roleIngest, rolePoll, roleProject, rolePublish, roleAudit, roleConsole}
}

// ownedRoles are those that one process at a time has, in the order in which it
// takes their leases.
func ownedRoles() []string { return []string{roleProject, rolePublish, rolePoll, roleAudit} }

// Roles are the roles that up takes.
func (c *Config) Roles() []string {
	if len(c.Only) == 0 {
		return allRoles()
	}
	return c.Only
}

// defaultConfig is what holds when nothing is set.
func defaultConfig() Config {
	return Config{
		Data: ".tillstream", HTTP: "127.0.0.1:8080", HTTPRate: 500, Listen: "127.0.0.1:0",
		Heads: Heads{Every: audit.DefaultEvery},
		NATS:  NATS{Replicas: 1},
		Log:   Log{Level: "info", Format: "text"},
	}
}

// defaultStore is what holds of a store when only its id is set.
func defaultStore() Store {
	return Store{
		Stock: "levels", Publish: "linked", Syncing: "automatic", Inventory: "push", Images: "first", OnDelete: "hide", OnMissing: "report", Empties: "push",
		BigCommerce: BigCommerce{API: bigcommerce.DefaultBaseURL, Weight: "0", Quiet: publish.DefaultQuiet},
		POS:         POS{XSeries: defaultXSeries()},
	}
}

// Secret is a text that is never shown: it prints, logs and encodes as a
// placeholder. [Secret.Reveal] is the way to the text itself.
type Secret string

const redacted = "[redacted]"

// Reveal returns the text.
func (s Secret) Reveal() string { return string(s) }

// String hides the text, but not whether there is one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the text.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// LogValue hides the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the text, in JSON and YAML too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
