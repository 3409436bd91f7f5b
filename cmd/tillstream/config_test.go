package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"
)

const fullFile = `
data: /var/lib/tillstream
http: 0.0.0.0:80
only: [ingest, console]
nats:
  url: nats://a:4222,nats://b:4222
  user: app
  password: file-secret
  replicas: 3
log: {level: warn, format: json}
stores:
  - id: harbour
    stock: movements
    publish: all
    syncing: manual
    inventory: leave
    images: none
    pos_plan: pro
    on_delete: keep
    on_missing: relink
    outlets: {Quayside: 1, "St. Mary": 2}
    safety_stock: 2
    empties: hold
    breaker: {share: 20%, price: 0.3, window: 5m, least: 7}
    bigcommerce:
      store_hash: abc123
      token: file-token
      weight: 0.5
      quiet: 45s
      categories: [23, 24]
      channels: [1]
`

// load reads settings as a command does.
func load(t *testing.T, file string, args, environ []string) (Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.String("config", "", "")
	flags.Int("limit", 0, "a flag of the command")
	for _, s := range settings() {
		if s.flag != "" {
			addSettingFlags(flags, s.key)
		}
	}
	if file != "" {
		path := filepath.Join(t.TempDir(), "tillstream.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, "TILLSTREAM_CONFIG="+path)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return LoadConfig(flags, append(environ, "PATH=/bin", "TILLSTREAM_TEST_SEED=4"))
}

func fullConfig() Config {
	c := defaultConfig()
	c.Data, c.HTTP, c.Only = "/var/lib/tillstream", "0.0.0.0:80", []string{"ingest", "console"}
	c.NATS = NATS{URL: "nats://a:4222,nats://b:4222", User: "app", Password: "file-secret", Replicas: 3}
	c.Log = Log{Level: "warn", Format: "json"}
	s := Store{
		ID: "harbour", Stock: "movements", Publish: "all", Syncing: "manual", Inventory: "leave", Images: "none", POSPlan: "Pro", OnDelete: "keep", OnMissing: "relink",
		Outlets: map[string]int64{"Quayside": 1, "St. Mary": 2}, SafetyStock: 2,
		Empties: "hold", Breaker: Breaker{Share: 0.2, Price: 0.3, Window: 5 * time.Minute, Least: 7},
		BigCommerce: BigCommerce{API: "https://api.bigcommerce.com", StoreHash: "abc123", Token: "file-token", Weight: "0.5", Quiet: 45 * time.Second, Categories: []int64{23, 24}, Channels: []int64{1}},
		POS:         POS{XSeries: defaultXSeries()},
	}
	c.Stores = []Store{s}
	return c
}

func TestLoadConfig(t *testing.T) {
	t.Parallel()
	changed := func(change func(*Config)) Config {
		c := fullConfig()
		change(&c)
		return c
	}
	second := defaultStore()
	second.ID, second.BigCommerce.StoreHash, second.BigCommerce.Token = "mill", "def456", "env-token"
	for _, tt := range []struct {
		name          string
		file          string
		args, environ []string
		want          Config
	}{
		{"nothing set", "", nil, nil, defaultConfig()},
		{"the file alone", fullFile, nil, nil, fullConfig()},
		{"an empty file", "# nothing yet\n", nil, nil, defaultConfig()},
		{"the environment over the file", fullFile, nil, []string{"TILLSTREAM_HTTP=127.0.0.1:9", "TILLSTREAM_NATS_REPLICAS=5"},
			changed(func(c *Config) { c.HTTP, c.NATS.Replicas = "127.0.0.1:9", 5 })},
		{"flags over the environment", fullFile, []string{"--http", "127.0.0.1:10", "--only", "publish", "--limit", "3"}, []string{"TILLSTREAM_HTTP=127.0.0.1:9", "TILLSTREAM_ONLY=ingest"},
			changed(func(c *Config) { c.HTTP, c.Only = "127.0.0.1:10", []string{"publish"} })},
		{"an empty variable is not set", fullFile, nil, []string{"TILLSTREAM_HTTP=", "TILLSTREAM_NATS= "}, fullConfig()},
		{"store variables are about the only store", fullFile, nil, []string{"TILLSTREAM_BIGCOMMERCE_TOKEN=env-token", "TILLSTREAM_STOCK=levels"},
			changed(func(c *Config) { c.Stores[0].BigCommerce.Token, c.Stores[0].Stock = "env-token", "levels" })},
		{"store variables are about the store they name", fullFile, nil, []string{"TILLSTREAM_STORE=harbour", "TILLSTREAM_SAFETY_STOCK=7"},
			changed(func(c *Config) { c.Stores[0].SafetyStock = 7 })},
		{"guards of the environment", "", nil, []string{"TILLSTREAM_STORE=mill", "TILLSTREAM_BIGCOMMERCE_STORE_HASH=def456", "TILLSTREAM_BIGCOMMERCE_TOKEN=env-token",
			"TILLSTREAM_EMPTIES=hold", "TILLSTREAM_BREAKER_SHARE=0.05", "TILLSTREAM_BREAKER_WINDOW=1h"},
			func() Config {
				c, s := defaultConfig(), second
				s.Empties, s.Breaker = "hold", Breaker{Share: 0.05, Window: time.Hour}
				c.Stores = []Store{s}
				return c
			}()},
		{"one guard of the environment over the file", fullFile, nil, []string{"TILLSTREAM_BREAKER_SHARE= 7.5 %"},
			changed(func(c *Config) { c.Stores[0].Breaker.Share = 0.075 })},
		{"outlets replace outlets", fullFile, nil, []string{"TILLSTREAM_OUTLETS=Mill Lane=3, A=B=4"},
			changed(func(c *Config) { c.Stores[0].Outlets = map[string]int64{"Mill Lane": 3, "A=B": 4} })},
		{"a store of the environment beside the file's", fullFile, nil,
			[]string{"TILLSTREAM_STORE=mill", "TILLSTREAM_BIGCOMMERCE_STORE_HASH=def456", "TILLSTREAM_BIGCOMMERCE_TOKEN=env-token"},
			changed(func(c *Config) { c.Stores = append(c.Stores, second) })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := load(t, tt.file, tt.args, tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(Config{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if err := got.Validate(nil); err != nil {
				t.Errorf("Validate: %v", err)
			}
		})
	}
}

func TestLoadConfig_SecretFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, "", nil, []string{"TILLSTREAM_STORE=harbour", "TILLSTREAM_BIGCOMMERCE_TOKEN_FILE=" + path, "TILLSTREAM_TOKEN_FILE=" + path})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Stores[0].BigCommerce.Token.Reveal()+" "+c.Token.Reveal(), "from-a-file from-a-file"; got != want {
		t.Errorf("tokens are %q, want %q", got, want)
	}
}

func TestConfig_Validate_ErrEverythingAtOnce(t *testing.T) {
	t.Parallel()
	const file = `
htpp: 127.0.0.1:1
nats: nats://a
log: {level: loud, colour: red}
stores:
  - id: Harbour
    stock: level
    bigcommerce: {store_hash: 12e4, tokn: x, weight: -1}
  - 3
`
	c, err := load(t, file, []string{"--http", "8080"}, []string{
		"TILLSTREAM_SAFETY_STOCK=-1", "TILLSTREAM_OUTLETS=Quayside", "TILLSTREAM_POS_PLAN=Lite", "TILLSTREAM_STROE=x",
		"TILLSTREAM_EMPTIES=keep", "TILLSTREAM_BREAKER_SHARE=120%", "TILLSTREAM_BREAKER_LEAST=0", "TILLSTREAM_NATS_CERT=c.pem", "TILLSTREAM_TOKEN_FILE=/does/not/exist",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(c.Validate([]string{rolePublish}))
	for _, want := range []string{
		`htpp in `, `is not a setting; did you mean http?`,
		`nats in `, `must have its settings below it`,
		`log.level in `, `"loud": must be debug, info, warn or error (also: TILLSTREAM_LOG_LEVEL)`,
		`log.colour in `,
		`stores[0].id in `, `"Harbour": must be 1 to 32 characters of a-z, 0-9 and '-' (also: TILLSTREAM_STORE)`,
		`stores[0].stock in `, `"level": must be levels or movements`,
		`stores[0].bigcommerce.store_hash in `, `must be the store hash alone`,
		`stores[0].bigcommerce.tokn in `, `did you mean bigcommerce.token?`,
		`stores[0].bigcommerce.weight in `, `must be a decimal number, 0 or more`,
		`stores[1] in `, `must be settings of a store`,
		`TILLSTREAM_SAFETY_STOCK "-1": must be a whole number from 0 to 2147483647 (also: stores[].safety_stock in the file)`,
		`TILLSTREAM_OUTLETS "Quayside": must be outlets with their BigCommerce locations`,
		`TILLSTREAM_POS_PLAN "Lite": the integration exists on the POS plans Pro, Standard, Advanced, Enterprise, Core or Plus only`,
		`TILLSTREAM_EMPTIES "keep": must be push or hold (also: stores[].empties in the file)`,
		`TILLSTREAM_BREAKER_SHARE "120%": must be a part such as 20% or 0.2, above 0 and at most 100% (also: stores[].breaker.share in the file)`,
		`TILLSTREAM_BREAKER_LEAST "0": must be a whole number from 1`,
		`TILLSTREAM_STROE: is not a setting; did you mean TILLSTREAM_STORE?`,
		`--http "8080": must be host:port, such as 127.0.0.1:8080 (also: TILLSTREAM_HTTP, http in the file)`,
		`nats.cert, nats.key: a client certificate needs both files`,
		`--token-file "/does/not/exist": cannot be read: no such file or directory`,
		`TILLSTREAM_BIGCOMMERCE_TOKEN or TILLSTREAM_BIGCOMMERCE_TOKEN_FILE: is not set`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	const complete = "\n    bigcommerce: {store_hash: abc, token: t}\n"
	for _, tt := range []struct {
		name, file string
		environ    []string
		roles      []string
		want       string // empty: valid
	}{
		{"OKClientNeedsNoStore", "", nil, nil, ""},
		{"OKIngestNeedsNoBigCommerce", "stores: [{id: a}]", nil, []string{roleIngest}, ""},
		{"OKPublish", "stores:\n  - id: a" + complete, nil, allRoles(), ""},
		{"OKOtherAddress", "http: 0.0.0.0:8080", nil, nil, ""},
		{"ErrNoStore", "", nil, allRoles(), "no store is set"},
		{"ErrNoToken", "stores: [{id: a, bigcommerce: {store_hash: abc}}]", nil, allRoles(), "TILLSTREAM_BIGCOMMERCE_TOKEN or TILLSTREAM_BIGCOMMERCE_TOKEN_FILE"},
		{"ErrNoHash", "stores: [{id: a, bigcommerce: {token: abc}}]", nil, allRoles(), "TILLSTREAM_BIGCOMMERCE_STORE_HASH: is not set"},
		{"ErrNoID", "stores: [{stock: levels}]", nil, nil, "stores[0].id: is not set"},
		{"ErrTwice", "stores: [{id: a}, {id: a}]", nil, nil, `stores[1].id: "a" is the id of stores[0] too`},
		{"ErrOneTwinOfTwo", "stores:\n  - id: a" + complete + "  - id: b" + complete, nil, nil, `is what store "a" pushes to`},
		{"ErrWhichStore", "stores: [{id: a}, {id: b}]", []string{"TILLSTREAM_STOCK=levels"}, nil, "TILLSTREAM_STOCK: is about one store, and nothing says which; set TILLSTREAM_STORE"},
		{"ErrReplicasOfOneServer", "", []string{"TILLSTREAM_NATS_REPLICAS=3"}, nil, "nats.replicas: is of use with a NATS cluster only"},
		{"ErrTwoWaysIn", "nats: {url: 'nats://a:4222', credentials: a.creds, user: b}", nil, nil, "nats.credentials: user and password are set as well"},
		{"OKBreaker", "stores: [{id: a, empties: push, breaker: {share: 0.2, price: 1, least: 1}}]", nil, nil, ""},
		{"ErrBreakerWithoutShare", "stores: [{id: a, breaker: {window: 5m}}]", nil, nil, "stores[0].breaker: has no share, without which it is off; set breaker.share (TILLSTREAM_BREAKER_SHARE)"},
		{"ErrBreakerShare", "stores: [{id: a, breaker: {share: 0, window: 5m}}]", nil, nil, `stores[0].breaker.share in `},
		{"ErrBreakerNoGroup", "stores: [{id: a, breaker: 20%}]", nil, nil, "must have its settings below it"},
		{"ErrStoresNoList", "stores: {id: a}", nil, nil, "must be a list"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := load(t, tt.file, nil, tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			err = c.Validate(tt.roles)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want none", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLoadConfig_ErrFile(t *testing.T) {
	t.Parallel()
	if _, err := load(t, "", []string{"--config", "/does/not/exist.yaml"}, nil); err == nil || !strings.Contains(err.Error(), "/does/not/exist.yaml") {
		t.Errorf("a missing file: got %v, want its name", err)
	}
	if _, err := load(t, "stores: [", nil, nil); err == nil || !strings.Contains(err.Error(), "is not YAML") {
		t.Errorf("a broken file: got %v, want that it is not YAML", err)
	}
}

// TestConfig_Secrets: neither a configuration nor what is wrong with it shows a
// secret, whichever way it is written out.
func TestConfig_Secrets(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	c, err := load(t, fullFile, nil, []string{
		"TILLSTREAM_BIGCOMMERCE_TOKEN=" + secret, "TILLSTREAM_NATS_PASSWORD=" + secret, "TILLSTREAM_TOKEN=" + secret,
		"TILLSTREAM_NATS=nats://app:" + secret + "@a:4222",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.NATS.URL.Reveal() != "nats://app:"+secret+"@a:4222" || c.Token.Reveal() != secret {
		t.Fatal("the secrets were not read")
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := load(t, "nats: {url: '"+secret+"', password: ["+secret+"]}\nstores: [{id: a, bigcommerce: {token: {a: "+secret+"}}}]", nil, []string{"TILLSTREAM_NATS=" + secret})
	if err != nil {
		t.Fatal(err)
	}
	problems := fmt.Sprint(wrong.Validate(allRoles()))
	if !strings.Contains(problems, "nats.url") || !strings.Contains(problems, "TILLSTREAM_NATS") {
		t.Errorf("the problems were not told: %s", problems)
	}
	for _, shown := range []string{string(asJSON), fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), problems} {
		if strings.Contains(shown, secret) {
			t.Errorf("shows the secret: %s", shown)
		}
	}
}

// TestSettings: every setting has a name of its own everywhere, and fits a field.
func TestSettings(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range append(settings(), storeSettings()...) {
		for _, name := range []string{"key " + s.key, "env " + s.env, "flag " + s.flag} {
			if seen[name] && name != "flag " {
				t.Errorf("%s is the name of two settings", name)
			}
			seen[name] = true
		}
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"htpp": "; did you mean http?", "http": "; did you mean http?", "nats.usr": "; did you mean nats.user?", "entirely-else": "",
		"TILLSTREAM_HTPP": "; did you mean TILLSTREAM_HTTP?", "TILLSTREAM_FOO": "",
	} {
		if got := didYouMean(name, append(keys(settings()), variables()...)); got != want {
			t.Errorf("didYouMean(%q) = %q, want %q", name, got, want)
		}
	}
}

// FuzzLoadConfig: no file and no variable makes the program fall over, and what
// is valid reads back as it was meant: every store has an id of the right form.
func FuzzLoadConfig(f *testing.F) {
	f.Add(fullFile, "Quayside=1", "levels")
	f.Add("stores: [{id: a, outlets: {1: 1}}]", "=", "")
	f.Add("a.b: {c: 1}\n1: 2\nstores: [[]]\nnats: {url: [1]}", ",", "x")
	f.Fuzz(func(t *testing.T, file, outlets, stock string) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := LoadConfig(pflag.NewFlagSet("test", pflag.ContinueOnError), []string{
			"TILLSTREAM_CONFIG=" + path, "TILLSTREAM_STORE=a", "TILLSTREAM_OUTLETS=" + outlets, "TILLSTREAM_STOCK=" + stock,
		})
		if err != nil || c.Validate(allRoles()) != nil {
			return
		}
		for _, s := range c.Stores {
			if _, err := storeID(s.ID); err != nil {
				t.Errorf("valid with a store %q: %v", s.ID, err)
			}
			for outlet, location := range s.Outlets {
				if outlet == "" || location < 1 {
					t.Errorf("valid with outlet %q at location %d", outlet, location)
				}
			}
		}
	})
}
