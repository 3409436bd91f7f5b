package xseries

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// SignatureHeader is where a webhook bears its signature.
const SignatureHeader = "X-Signature"

// Why a webhook is not believed.
var (
	// ErrUnsigned: there is no signature. Webhooks that were made by hand in the
	// POS have none.
	ErrUnsigned = errors.New("the webhook bears no " + SignatureHeader)
	// ErrForged: the signature is not that of the body under the secret, or cannot
	// be read.
	ErrForged = errors.New("the webhook's signature does not fit its body and the store's secret")
)

// Encoding is how the signature's bytes are written, which the vendor does not say.
type Encoding string

// The encodings that receivers of these webhooks have seen.
const (
	Hex    Encoding = "hex"
	Base64 Encoding = "base64"
)

// Verify checks the values of [SignatureHeader] against the body's bytes as they
// were received, in a time that does not depend on how much of it is right. The
// error is [ErrUnsigned] or [ErrForged].
func Verify(headers []string, body []byte, secret string, encoding Encoding) error {
	if len(headers) == 0 {
		return ErrUnsigned
	}
	// Without a secret anybody could sign.
	if len(headers) > 1 || secret == "" {
		return ErrForged
	}
	signature, algorithm := "", ""
	for part := range strings.SplitSeq(headers[0], ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.TrimSpace(name) {
		case "signature":
			signature = strings.TrimSpace(value)
		case "algorithm":
			algorithm = strings.TrimSpace(value)
		}
	}
	var given []byte
	var err error
	if encoding == Base64 {
		given, err = base64.StdEncoding.DecodeString(signature)
	} else {
		given, err = hex.DecodeString(signature)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	if fits := hmac.Equal(given, mac.Sum(nil)); !fits || err != nil || !strings.EqualFold(algorithm, "HMAC-SHA256") {
		return ErrForged
	}
	return nil
}
