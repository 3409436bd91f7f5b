package xseries_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
)

// signed is a webhook and its signature under secret, made with another program.
const (
	secret    = "not-a-real-client-secret"
	signed    = "payload=%7B%22id%22%3A%22a1d0c0de-0000-11ee-8001-000000000301%22%2C%22count%22%3A7%2C%22outlet_id%22%3A%22a1d0c0de-0000-11ee-8001-0000000000a1%22%2C%22product_id%22%3A%22a1d0c0de-0000-11ee-8001-000000000011%22%2C%22version%22%3A90210077%7D&domain_prefix=kiteandkeel"
	inHex     = "5f61dc00ad12a44ea6dd09dd1ba27832fa3958c015ba73d51b0a7a9855920597"
	inBase64  = "X2HcAK0SpE6m3QndG6J4Mvo5WMAVunPVGwp6mFWSBZc="
	ofPayload = "9c2955de01d96c1f1990a31d749357ff192f6b78039e5e44ba11e6214501b1a3"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		headers  []string
		body     string
		secret   string
		encoding xseries.Encoding
		want     error
	}{
		{"OK", []string{"signature=" + inHex + ",algorithm=HMAC-SHA256"}, signed, secret, xseries.Hex, nil},
		{"OK a space after the comma", []string{"signature=" + inHex + ", algorithm=hmac-sha256"}, signed, secret, xseries.Hex, nil},
		{"OK the other way round", []string{"algorithm=HMAC-SHA256,signature=" + inHex}, signed, secret, xseries.Hex, nil},
		{"OK upper case", []string{"signature=" + strings.ToUpper(inHex) + ",algorithm=HMAC-SHA256"}, signed, secret, xseries.Hex, nil},
		{"OK base64", []string{"signature=" + inBase64 + ",algorithm=HMAC-SHA256"}, signed, secret, xseries.Base64, nil},
		{"ErrUnsigned", nil, signed, secret, xseries.Hex, xseries.ErrUnsigned},
		{"ErrForged empty", []string{""}, signed, secret, xseries.Hex, xseries.ErrForged},
		{"ErrForged no secret", []string{"signature=" + inHex + ",algorithm=HMAC-SHA256"}, signed, "", xseries.Hex, xseries.ErrForged},
		{"ErrForged other secret", []string{"signature=" + inHex + ",algorithm=HMAC-SHA256"}, signed, secret + "x", xseries.Hex, xseries.ErrForged},
		{"ErrForged one byte of the body", []string{"signature=" + inHex + ",algorithm=HMAC-SHA256"}, strings.Replace(signed, "A7%", "A8%", 1), secret, xseries.Hex, xseries.ErrForged},
		{"ErrForged of the decoded payload", []string{"signature=" + ofPayload + ",algorithm=HMAC-SHA256"}, signed, secret, xseries.Hex, xseries.ErrForged},
		{"ErrForged base64 where hex is set", []string{"signature=" + inBase64 + ",algorithm=HMAC-SHA256"}, signed, secret, xseries.Hex, xseries.ErrForged},
		{"ErrForged hex where base64 is set", []string{"signature=" + inHex + ",algorithm=HMAC-SHA256"}, signed, secret, xseries.Base64, xseries.ErrForged},
		{"ErrForged cut short", []string{"signature=" + inHex[:62] + ",algorithm=HMAC-SHA256"}, signed, secret, xseries.Hex, xseries.ErrForged},
		{"ErrForged no algorithm", []string{"signature=" + inHex}, signed, secret, xseries.Hex, xseries.ErrForged},
		{"ErrForged another algorithm", []string{"signature=" + inHex + ",algorithm=none"}, signed, secret, xseries.Hex, xseries.ErrForged},
		{"ErrForged two headers", []string{"signature=" + inHex + ",algorithm=HMAC-SHA256", "signature=" + inHex + ",algorithm=HMAC-SHA256"}, signed, secret, xseries.Hex, xseries.ErrForged},
	} {
		if got := xseries.Verify(tt.headers, []byte(tt.body), tt.secret, tt.encoding); !errors.Is(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestReadHook(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		signed: `{"id":"a1d0c0de-0000-11ee-8001-000000000301","count":7,"outlet_id":"a1d0c0de-0000-11ee-8001-0000000000a1","product_id":"a1d0c0de-0000-11ee-8001-000000000011","version":90210077}`,
		"environment=prod&payload=" + url.QueryEscape(`{"name":"Café & Söhne"}`): `{"name":"Café & Söhne"}`,
		"":                                    "!payload",
		"payload=":                            "!payload",
		"payload=%7B":                         "!payload",
		"payload=%5B%5D":                      "!payload",
		"payload=%7B%7D":                      "!payload",
		"payload={\"a\":1}&payload={\"a\":2}": "!payload",
		"payload=%zz":                         "!body",
		"a=1;payload=2":                       "!body",
	} {
		got, err := xseries.ReadHook([]byte(body))
		answer := string(got)
		var invalid *domain.InvalidError
		if errors.As(err, &invalid) {
			answer = "!" + invalid.Path
		}
		if answer != want {
			t.Errorf("%s: %s (%v), want %s", body, answer, err, want)
		}
	}
}

// TestHookType_Hint: each type that can concern a product is a reason to look.
func TestHookType_Hint(t *testing.T) {
	t.Parallel()
	want := map[xseries.HookType]xseries.Hint{
		xseries.HookProduct: xseries.HintProducts, xseries.HookInventory: xseries.HintMovements, xseries.HookSale: xseries.HintMovements,
		xseries.HookConsignmentSend: xseries.HintMovements, xseries.HookConsignmentReceive: xseries.HintMovements,
	}
	for _, kind := range append(xseries.HookTypes(), "price_book.update", "") {
		if got := kind.Hint(); got != want[kind] {
			t.Errorf("%s hints at %q, want %q", kind, got, want[kind])
		}
	}
}
