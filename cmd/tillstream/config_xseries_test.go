package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLoadConfig_xseries(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := `
stores:
  - id: harbour
    pos:
      xseries:
        domain_prefix: KiteAndKeel
        api_version: 2.0
        client_id: our-app
        client_secret_file: ` + secret + `
        refresh_token_file: ` + secret + `
        webhook_secret: hook
        webhook_encoding: base64
        webhook_unsigned: hint
        prices: exclusive
        poll: 90s
`
	c, err := load(t, file, nil, []string{"TILLSTREAM_XSERIES_POLL=2m"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate([]string{roleIngest}); err != nil {
		t.Error(err)
	}
	want := XSeries{
		DomainPrefix: "kiteandkeel", APIVersion: "2.0", ClientID: "our-app", ClientSecret: "from-file", ClientSecretFile: secret,
		RefreshToken: "from-file", RefreshTokenFile: secret, WebhookSecret: "hook", WebhookEncoding: "base64", WebhookUnsigned: "hint", Prices: "exclusive", Poll: 2 * time.Minute,
	}
	got := c.Stores[0].POS.XSeries
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.BaseURL() != "https://kiteandkeel.retail.lightspeed.app" || got.HookSecret() != "hook" {
		t.Errorf("it is at %s with the secret %q", got.BaseURL(), got.HookSecret())
	}
	if printed := fmt.Sprintf("%+v", c); strings.Contains(printed, "from-file") || strings.Contains(printed, "hook ") {
		t.Errorf("it prints as %s", printed)
	}

	// One store needs no file, and a personal token is enough.
	c, err = load(t, "", nil, []string{"TILLSTREAM_STORE=harbour", "TILLSTREAM_XSERIES_DOMAIN_PREFIX=kiteandkeel", "TILLSTREAM_XSERIES_TOKEN_FILE=" + secret, "TILLSTREAM_XSERIES_CLIENT_SECRET=hush"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate([]string{rolePoll}); err != nil {
		t.Error(err)
	}
	if x := c.Stores[0].POS.XSeries; x.Token != "from-file" || x.APIVersion != "2026-07" || x.WebhookUnsigned != "refuse" || x.HookSecret() != "hush" {
		t.Errorf("with a personal token: %+v", x)
	}
}

func TestConfig_Validate_xseries(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ settings, want string }{
		"ErrVersion":     {"{domain_prefix: a, token: t, api_version: \"2026-10\"}", "is not taken yet"},
		"ErrVersionOdd":  {"{domain_prefix: a, token: t, api_version: latest}", "must be 2.0 or 2026-07"},
		"ErrPrefix":      {"{domain_prefix: \"a.retail.lightspeed.app\", token: t}", "must be the first part alone"},
		"ErrNoToken":     {"{domain_prefix: a}", "needs a personal token"},
		"ErrBoth":        {"{domain_prefix: a, token: t, client_id: c, client_secret: s, refresh_token: r}", "has a token and an app"},
		"ErrHalfAnApp":   {"{domain_prefix: a, client_id: c}", "an app needs client_id, client_secret and refresh_token"},
		"ErrNoPrefix":    {"{token: t}", "domain_prefix: is not set"},
		"ErrUnsigned":    {"{domain_prefix: a, token: t, webhook_unsigned: accept}", "must be refuse or hint"},
		"ErrPrices":      {"{domain_prefix: a, token: t, prices: net}", "must be retailer, inclusive or exclusive"},
		"ErrFile":        {"{domain_prefix: a, token_file: nowhere}", "cannot be read"},
		"ErrUnknownName": {"{domain_prefix: a, tokn: t}", "did you mean pos.xseries.token"},
	} {
		c, err := load(t, "stores: [{id: harbour, pos: {xseries: "+tt.settings+"}}]", nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.Validate([]string{rolePoll}); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: %v, want %q alone", name, err, tt.want)
		}
	}
	for settings, want := range map[string]string{
		"[{id: a, stock: movements, pos: {xseries: {domain_prefix: a, token: t}}}]":                                                       "must be levels",
		"[{id: a, pos: {xseries: &x {domain_prefix: a, client_id: c, client_secret: s, refresh_token: r}}}, {id: b, pos: {xseries: *x}}]": "shut each other out",
	} {
		c, err := load(t, "stores: "+settings, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Validate([]string{rolePoll}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
}
