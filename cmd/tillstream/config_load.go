package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// LoadConfig reads flags over environment over the file over defaults. The file
// is what --config or TILLSTREAM_CONFIG names; without either there is none. A
// variable that is empty is not set.
//
// Its error says only that the file cannot be read at all. Everything else that
// is wrong, [Config.Validate] tells at once.
func LoadConfig(flags *pflag.FlagSet, environ []string) (Config, error) {
	l := loader{store: map[string]any{}, variable: map[string]string{}}
	k := koanf.New(".")
	path := configPath(flags, environ)
	if path != "" {
		values, err := l.file(path)
		if err != nil {
			return Config{}, err
		}
		if err := k.Load(confmap.Provider(values, ""), nil); err != nil {
			return Config{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	environ = slices.Sorted(slices.Values(environ)) // so that problems are told in the same order
	variables := env.Provider(".", env.Opt{Prefix: envPrefix, EnvironFunc: func() []string { return environ }, TransformFunc: l.fromEnv})
	if err := k.Load(variables, nil); err != nil {
		return Config{}, fmt.Errorf("environment: %w", err)
	}
	if err := k.Load(confmap.Provider(l.fromFlags(flags), "."), nil); err != nil {
		return Config{}, fmt.Errorf("flags: %w", err)
	}
	c := defaultConfig()
	if err := k.Unmarshal("", &c); err != nil {
		return Config{}, fmt.Errorf("settings: %w", err)
	}
	var err error
	if c.Stores, err = l.allStores(); err != nil {
		return Config{}, err
	}
	l.secrets(&c)
	c.problems = l.problems
	return c, nil
}

func configPath(flags *pflag.FlagSet, environ []string) string {
	if f := flags.Lookup("config"); f != nil && f.Changed {
		return f.Value.String()
	}
	for _, pair := range environ {
		if path, ok := strings.CutPrefix(pair, envPrefix+"CONFIG="); ok {
			return path
		}
	}
	return ""
}

// loader collects what the layers say, and what is wrong with them.
type loader struct {
	path     string
	stores   []map[string]any  // of the file, values by dotted key
	store    map[string]any    // of the environment, likewise
	variable map[string]string // how the environment set a key of store
	problems []Problem
}

func (l *loader) wrong(p Problem) { l.problems = append(l.problems, p) }

// take reads one value of a setting, or notes what is wrong with it.
func (l *loader) take(s setting, where string, also []string, value any) (any, bool) {
	v, err := s.read(value)
	if err != nil {
		p := Problem{Where: where, Expected: err.Error(), Also: also}
		if !s.secret {
			p.Value = fmt.Sprintf("%q", fmt.Sprint(value))
		}
		l.wrong(p)
		return nil, false
	}
	return v, true
}

// fromEnv is told every variable of ours and returns its key and value; what is
// about a store it keeps for later.
func (l *loader) fromEnv(name, value string) (string, any) {
	short := strings.TrimPrefix(name, envPrefix)
	named := func(s setting) bool { return s.env == short }
	switch {
	case short == "CONFIG" || strings.HasPrefix(short, "TEST_") || strings.TrimSpace(value) == "":
		return "", nil
	}
	if s, ok := find(settings(), named); ok {
		if v, ok := l.take(s, name, without(s.names(""), name), value); ok {
			return s.key, v
		}
		return "", nil
	}
	s, ok := find(storeSettings(), named)
	if !ok {
		l.wrong(Problem{Where: name, Expected: "is not a setting" + didYouMean(name, variables())})
		return "", nil
	}
	if v, ok := l.take(s, name, without(s.names("stores[]"), name), value); ok {
		l.store[s.key], l.variable[s.key] = v, name
	}
	return "", nil
}

func (l *loader) fromFlags(flags *pflag.FlagSet) map[string]any {
	out := map[string]any{}
	flags.Visit(func(f *pflag.Flag) {
		s, ok := find(settings(), func(s setting) bool { return s.flag == f.Name })
		if !ok {
			return // a flag of a command
		}
		where := "--" + f.Name
		if v, ok := l.take(s, where, without(s.names(""), where), f.Value.String()); ok {
			out[s.key] = v
		}
	})
	return out
}

// file reads the file and returns what it sets, known and valid settings only;
// its stores it keeps for later.
func (l *loader) file(path string) (map[string]any, error) {
	l.path = path
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			return nil, withHint(fmt.Errorf("settings file: %w", err), "name another file with --config or "+envPrefix+"CONFIG")
		}
		return nil, withHint(fmt.Errorf("settings file %s: is not YAML: %w", path, err), "mend the line that it names")
	}
	raw := k.Raw()
	list, isList := raw["stores"].([]any)
	if raw["stores"] != nil && !isList {
		l.wrong(Problem{Where: "stores in " + path, Expected: `must be a list, each store beginning with "- id: …"`})
	}
	delete(raw, "stores")
	for i, each := range list {
		where := fmt.Sprintf("stores[%d]", i)
		values, ok := each.(map[string]any)
		if !ok {
			l.wrong(Problem{Where: where + " in " + path, Expected: "must be settings of a store, such as id and bigcommerce"})
			continue
		}
		l.stores = append(l.stores, l.flat(storeSettings(), values, where+".", ""))
	}
	return koanfNested(l.flat(settings(), raw, "", "")), nil
}

// koanfNested turns dotted keys into nested maps.
func koanfNested(flat map[string]any) map[string]any {
	k := koanf.New(".")
	// A map in memory cannot fail to load.
	_ = k.Load(confmap.Provider(flat, "."), nil)
	return k.Raw()
}

// flat reads the settings below one node of the file by their dotted keys.
func (l *loader) flat(list []setting, values map[string]any, where, prefix string) map[string]any {
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key, value := prefix+name, values[name]
		s, known := find(list, func(s setting) bool { return s.key == key })
		below, isMap := value.(map[string]any)
		_, isGroup := find(list, func(s setting) bool { return strings.HasPrefix(s.key, key+".") })
		at := where + key + " in " + l.path
		switch {
		case value == nil && (known || isGroup):
			// A name with nothing behind it sets nothing.
		case known:
			if v, ok := l.take(s, at, []string{envPrefix + s.env}, value); ok {
				out[key] = v
			}
		case isGroup && isMap:
			maps.Copy(out, l.flat(list, below, where, key+"."))
		case isGroup:
			l.wrong(Problem{Where: at, Expected: "must have its settings below it"})
		default:
			l.wrong(Problem{Where: at, Expected: "is not a setting" + didYouMean(key, keys(list))})
		}
	}
	return out
}

// allStores puts the environment's store over the one of the file that it is
// about, or behind those of the file.
func (l *loader) allStores() ([]Store, error) {
	if len(l.store) > 0 {
		l.mergeStore()
	}
	out := make([]Store, len(l.stores))
	for i, values := range l.stores {
		out[i] = defaultStore()
		k := koanf.New(".")
		if err := k.Load(confmap.Provider(values, "."), nil); err != nil {
			return nil, fmt.Errorf("stores[%d]: %w", i, err)
		}
		if err := k.Unmarshal("", &out[i]); err != nil {
			return nil, fmt.Errorf("stores[%d]: %w", i, err)
		}
	}
	return out, nil
}

func (l *loader) mergeStore() {
	id, named := l.store["id"]
	for _, values := range l.stores {
		if named && values["id"] == id || !named && len(l.stores) == 1 {
			maps.Copy(values, l.store)
			return
		}
	}
	if named {
		l.stores = append(l.stores, l.store)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(l.variable)) {
		l.wrong(Problem{Where: l.variable[key], Expected: "is about one store, and nothing says which; set " + envPrefix + "STORE to its id"})
	}
}

// secrets reads the files that secrets are in.
func (l *loader) secrets(c *Config) {
	l.secret(settings(), "", "token", &c.Token, c.TokenFile)
	l.secret(settings(), "", "signing_key", &c.SigningKey, c.SigningKeyFile)
	l.secret(settings(), "", "nats.password", &c.NATS.Password, c.NATS.PasswordFile)
	for i := range c.Stores {
		s := &c.Stores[i]
		l.secret(storeSettings(), fmt.Sprintf("stores[%d]", i), "bigcommerce.token", &s.BigCommerce.Token, s.BigCommerce.TokenFile)
		x := &s.POS.XSeries
		for _, secret := range []struct {
			key  string
			into *Secret
			path string
		}{
			{"token", &x.Token, x.TokenFile}, {"client_secret", &x.ClientSecret, x.ClientSecretFile},
			{"refresh_token", &x.RefreshToken, x.RefreshTokenFile}, {"webhook_secret", &x.WebhookSecret, x.WebhookSecretFile},
		} {
			l.secret(storeSettings(), fmt.Sprintf("stores[%d]", i), "pos.xseries."+secret.key, secret.into, secret.path)
		}
	}
}

func (l *loader) secret(list []setting, store, key string, into *Secret, path string) {
	if path == "" {
		return
	}
	s, _ := find(list, func(s setting) bool { return s.key == key+"_file" })
	names := s.names(store)
	p := Problem{Where: names[0], Value: fmt.Sprintf("%q", path), Also: names[1:]}
	b, err := os.ReadFile(path)
	content := Secret(strings.TrimSpace(string(b)))
	var pathErr *fs.PathError
	switch {
	case *into != "":
		p.Expected = "the secret itself is set as well; set one of them"
	case errors.As(err, &pathErr):
		p.Expected = "cannot be read: " + pathErr.Err.Error()
	case err != nil:
		p.Expected = "cannot be read: " + err.Error()
	case content == "":
		p.Expected = "is an empty file"
	default:
		*into = content
		return
	}
	l.wrong(p)
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}
