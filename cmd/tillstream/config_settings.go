package main

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/tillstream/tillstream/handlers/pos/xseries"
)

// setting is one thing that can be set, under all its names.
type setting struct {
	key    string // its path in the file; of a store, below the store
	env    string // behind TILLSTREAM_
	flag   string // empty: there is none
	read   reader
	secret bool   // its value is never shown
	help   string // for the flag
}

const envPrefix = "TILLSTREAM_"

// settings are the settings of the whole program.
func settings() []setting {
	return []setting{
		{key: "data", env: "DATA", flag: "data", read: text, help: "`folder` of the log, its lock and the API's token"},
		{key: "http", env: "HTTP", flag: "http", read: address, help: "`address` to serve HTTP at"},
		{key: "http_rate", env: "HTTP_RATE", read: whole(0, maxWhole)},
		{key: "only", env: "ONLY", flag: "only", read: someOf(allRoles()...), help: "take only these `roles`, separated by commas: " + strings.Join(allRoles(), ", ")},
		{key: "index", env: "INDEX", read: text},
		{key: "listen", env: "LISTEN", flag: "listen", read: address, help: "`address` of the embedded broker"},
		{key: "server", env: "SERVER", flag: "server", read: httpURL, help: "`URL` of a running tillstream to talk to"},
		{key: "token", env: "TOKEN", read: text, secret: true},
		{key: "token_file", env: "TOKEN_FILE", flag: "token-file", read: text, help: "`file` with the API token of the server"},
		{key: "signing_key", env: "SIGNING_KEY", read: text, secret: true},
		{key: "signing_key_file", env: "SIGNING_KEY_FILE", read: text},
		{key: "heads.file", env: "HEADS_FILE", read: text},
		{key: "heads.url", env: "HEADS_URL", read: httpURL},
		{key: "heads.every", env: "HEADS_EVERY", read: duration},
		{key: "nats.url", env: "NATS", flag: "nats", read: natsURLs, secret: true, help: "`URL` of a NATS cluster to use instead of the embedded broker"},
		{key: "nats.credentials", env: "NATS_CREDENTIALS", read: text},
		{key: "nats.user", env: "NATS_USER", read: text},
		{key: "nats.password", env: "NATS_PASSWORD", read: text, secret: true},
		{key: "nats.password_file", env: "NATS_PASSWORD_FILE", read: text},
		{key: "nats.ca", env: "NATS_CA", read: text},
		{key: "nats.cert", env: "NATS_CERT", read: text},
		{key: "nats.key", env: "NATS_KEY", read: text},
		{key: "nats.replicas", env: "NATS_REPLICAS", read: whole(1, 5)},
		{key: "log.level", env: "LOG_LEVEL", flag: "log-level", read: oneOf("debug", "info", "warn", "error"), help: "`level` of what is logged: debug, info, warn or error"},
		{key: "log.format", env: "LOG_FORMAT", flag: "log-format", read: oneOf("text", "json"), help: "`format` of the log: text or json"},
	}
}

// storeSettings are the settings of one store. Their variables are about the
// store that TILLSTREAM_STORE names.
func storeSettings() []setting {
	return []setting{
		{key: "id", env: "STORE", read: storeID},
		{key: "stock", env: "STOCK", read: oneOf("levels", "movements")},
		{key: "publish", env: "PUBLISH", read: oneOf("linked", "all")},
		{key: "syncing", env: "SYNCING", read: oneOf("automatic", "manual")},
		{key: "inventory", env: "INVENTORY", read: oneOf("push", "leave")},
		{key: "images", env: "IMAGES", read: oneOf("first", "none")},
		{key: "pos_plan", env: "POS_PLAN", read: posPlan},
		{key: "on_delete", env: "ON_DELETE", read: oneOf("hide", "keep", "delete")},
		{key: "on_missing", env: "ON_MISSING", read: oneOf("report", "relink", "recreate")},
		{key: "outlets", env: "OUTLETS", read: outlets},
		{key: "safety_stock", env: "SAFETY_STOCK", read: whole(0, maxWhole)},
		{key: "empties", env: "EMPTIES", read: oneOf("push", "hold")},
		{key: "breaker.share", env: "BREAKER_SHARE", read: part},
		{key: "breaker.price", env: "BREAKER_PRICE", read: part},
		{key: "breaker.window", env: "BREAKER_WINDOW", read: duration},
		{key: "breaker.least", env: "BREAKER_LEAST", read: whole(1, maxWhole)},
		{key: "bigcommerce.api", env: "BIGCOMMERCE_API", read: httpURL},
		{key: "bigcommerce.store_hash", env: "BIGCOMMERCE_STORE_HASH", read: storeHash},
		{key: "bigcommerce.token", env: "BIGCOMMERCE_TOKEN", read: text, secret: true},
		{key: "bigcommerce.token_file", env: "BIGCOMMERCE_TOKEN_FILE", read: text},
		{key: "bigcommerce.weight", env: "BIGCOMMERCE_WEIGHT", read: weight},
		{key: "bigcommerce.quiet", env: "BIGCOMMERCE_QUIET", read: duration},
		{key: "bigcommerce.categories", env: "BIGCOMMERCE_CATEGORIES", read: ids},
		{key: "bigcommerce.channels", env: "BIGCOMMERCE_CHANNELS", read: ids},
		{key: "pos.xseries.domain_prefix", env: "XSERIES_DOMAIN_PREFIX", read: domainPrefix},
		{key: "pos.xseries.api", env: "XSERIES_API", read: httpURL},
		{key: "pos.xseries.api_version", env: "XSERIES_API_VERSION", read: apiVersion},
		{key: "pos.xseries.token", env: "XSERIES_TOKEN", read: text, secret: true},
		{key: "pos.xseries.token_file", env: "XSERIES_TOKEN_FILE", read: text},
		{key: "pos.xseries.client_id", env: "XSERIES_CLIENT_ID", read: text},
		{key: "pos.xseries.client_secret", env: "XSERIES_CLIENT_SECRET", read: text, secret: true},
		{key: "pos.xseries.client_secret_file", env: "XSERIES_CLIENT_SECRET_FILE", read: text},
		{key: "pos.xseries.refresh_token", env: "XSERIES_REFRESH_TOKEN", read: text, secret: true},
		{key: "pos.xseries.refresh_token_file", env: "XSERIES_REFRESH_TOKEN_FILE", read: text},
		{key: "pos.xseries.webhook_secret", env: "XSERIES_WEBHOOK_SECRET", read: text, secret: true},
		{key: "pos.xseries.webhook_secret_file", env: "XSERIES_WEBHOOK_SECRET_FILE", read: text},
		{key: "pos.xseries.webhook_encoding", env: "XSERIES_WEBHOOK_ENCODING", read: oneOf(string(xseries.Hex), string(xseries.Base64))},
		{key: "pos.xseries.webhook_unsigned", env: "XSERIES_WEBHOOK_UNSIGNED", read: oneOf("refuse", "hint")},
		{key: "pos.xseries.prices", env: "XSERIES_PRICES", read: oneOf("retailer", string(xseries.Inclusive), string(xseries.Exclusive))},
		{key: "pos.xseries.poll", env: "XSERIES_POLL", read: duration},
	}
}

func find(list []setting, fits func(setting) bool) (setting, bool) {
	for _, s := range list {
		if fits(s) {
			return s, true
		}
	}
	return setting{}, false
}

// names lists how a setting is spelled everywhere; store is how the file spells
// the store before its key, empty for a setting of the whole program.
func (s setting) names(store string) []string {
	var out []string
	if s.flag != "" {
		out = append(out, "--"+s.flag)
	}
	return append(out, envPrefix+s.env, s.inFile(store))
}

func (s setting) inFile(store string) string {
	if store == "" {
		return s.key + " in the file"
	}
	return store + "." + s.key + " in the file"
}

// addSettingFlags gives a command the flags of these settings, each named by its
// key or its flag. They have no defaults of their own: [LoadConfig] knows what is
// not set.
func addSettingFlags(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		s, ok := find(settings(), func(s setting) bool { return s.flag != "" && (s.flag == name || s.key == name) })
		if !ok {
			panic("no setting " + name + " with a flag")
		}
		flags.String(s.flag, "", s.help+" ("+envPrefix+s.env+")")
	}
}
