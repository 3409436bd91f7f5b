package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tillstream/tillstream/handlers/poll"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/handlers/pos/xseries/api"
)

// POS says which POS a store is connected to, besides what others send.
type POS struct {
	XSeries XSeries `koanf:"xseries"`
}

// XSeries is an account of Lightspeed Retail X-Series. A store without a domain
// prefix has none.
type XSeries struct {
	DomainPrefix string `koanf:"domain_prefix"` // of {prefix}.retail.lightspeed.app
	API          string `koanf:"api"`           // another base URL than the prefix's
	APIVersion   string `koanf:"api_version"`

	// Either a personal token, or an app that the retailer has authorised.
	Token            Secret `koanf:"token"`
	TokenFile        string `koanf:"token_file"`
	ClientID         string `koanf:"client_id"`
	ClientSecret     Secret `koanf:"client_secret"`
	ClientSecretFile string `koanf:"client_secret_file"`
	RefreshToken     Secret `koanf:"refresh_token"` // the first one; those that follow are kept in the broker
	RefreshTokenFile string `koanf:"refresh_token_file"`

	// What webhooks are signed with; empty: the client's secret.
	WebhookSecret     Secret `koanf:"webhook_secret"`
	WebhookSecretFile string `koanf:"webhook_secret_file"`
	WebhookEncoding   string `koanf:"webhook_encoding"` // hex or base64
	WebhookUnsigned   string `koanf:"webhook_unsigned"` // refuse, or hint: a reason to read, and never believed

	Prices string        `koanf:"prices"` // retailer, inclusive or exclusive of tax
	Poll   time.Duration `koanf:"poll"`   // how often everything is asked for
}

func defaultXSeries() XSeries {
	return XSeries{APIVersion: string(api.V202607), WebhookEncoding: string(xseries.Hex), WebhookUnsigned: "refuse", Prices: "retailer", Poll: poll.DefaultInterval}
}

// Connected reports whether the store has an account.
func (x *XSeries) Connected() bool { return x.DomainPrefix != "" || x.API != "" }

// BaseURL is where the account is.
func (x *XSeries) BaseURL() string {
	if x.API != "" {
		return x.API
	}
	return api.BaseURL(x.DomainPrefix)
}

// HookSecret is what its webhooks are signed with.
func (x *XSeries) HookSecret() string {
	if x.WebhookSecret != "" {
		return x.WebhookSecret.Reveal()
	}
	return x.ClientSecret.Reveal()
}

func domainPrefix(value any) (any, error) {
	s, _ := value.(string)
	s = strings.ToLower(strings.TrimSpace(s))
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(s) {
		return nil, errors.New("must be the first part alone of PREFIX.retail.lightspeed.app")
	}
	return s, nil
}

func apiVersion(value any) (any, error) {
	// YAML takes 2.0 for a number.
	s := strings.TrimSpace(fmt.Sprint(value))
	if value == 2.0 || s == "2" {
		s = string(api.V2)
	}
	if slices.Contains(api.Versions(), api.Version(s)) {
		return s, nil
	}
	if s == "2026-10" {
		return nil, errors.New("is not taken yet: it has another product model; 2026-07 is answered for a year after it")
	}
	return nil, fmt.Errorf("must be %s or %s, in quotes in the file", api.V2, api.V202607)
}

// checkXSeries says what is wrong with the account of one store. What only polling
// needs, only a process that polls needs.
func (c *Config) checkXSeries(where string, s Store, polls bool, wrong complain) {
	x := s.POS.XSeries
	at := where + ".pos.xseries"
	// A client secret beside a personal token is what webhooks are signed with.
	app := x.ClientID != "" || x.RefreshToken != "" || x.ClientSecret != "" && x.Token == ""
	// What could not be read has been told already.
	told := slices.ContainsFunc(c.problems, func(p Problem) bool {
		return strings.Contains(p.Where, "XSERIES_") || strings.Contains(p.Where, "xseries.")
	})
	if !x.Connected() {
		if !told && (app || x.Token != "" || x.WebhookSecret != "") {
			wrong(at+".domain_prefix", "is not set, and the account of store %q cannot be found without it (%sXSERIES_DOMAIN_PREFIX)", s.ID, envPrefix)
		}
		return
	}
	switch {
	case told:
	case app && x.Token != "":
		wrong(at, "has a token and an app; set one of them")
	case app && (x.ClientID == "" || x.ClientSecret == "" || x.RefreshToken == ""):
		wrong(at, "an app needs client_id, client_secret and refresh_token (%sXSERIES_CLIENT_ID, …_CLIENT_SECRET_FILE, …_REFRESH_TOKEN_FILE)", envPrefix)
	case polls && !app && x.Token == "":
		wrong(at, "needs a personal token (%sXSERIES_TOKEN_FILE), or an app that the retailer has authorised (%sXSERIES_CLIENT_ID and others)", envPrefix, envPrefix)
	}
	if s.Stock != "levels" {
		wrong(where+".stock", "must be levels, since the account reports how much there is; movements would count everything twice")
	}
	for _, other := range c.Stores {
		if other.ID < s.ID && app && other.POS.XSeries.RefreshToken == x.RefreshToken {
			wrong(at+".refresh_token", "is also that of store %q; each use makes the next one, so that two stores would shut each other out", other.ID)
		}
	}
}
