package streams_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// TestConnect_secured: with servers that want a client certificate and a .creds file of
// one of their accounts, as an operator runs them, everything is made, written and sent;
// without either, the refusal says what is wrong.
func TestConnect_secured(t *testing.T) {
	t.Parallel()
	s := newSecured(t)
	cfg := streams.Config{URL: s.url, CredentialsFile: s.file("app.creds"), TLSCA: s.file("ca.crt"), TLSCert: s.file("client.crt"), TLSKey: s.file("client.key")}
	c, err := streams.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := c.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.POS().Append(t.Context(), "demo", sales("a", 0, 3)); err != nil {
		t.Fatal(err)
	}

	t.Run("a user who may only send", func(t *testing.T) {
		sender := cfg
		sender.CredentialsFile = s.file("sender.creds")
		from, err := streams.Connect(t.Context(), sender)
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		done, err := from.POS().Forward(t.Context(), "demo", sales("a", 0, 5))
		if err != nil || done.Stored != 5 || done.Duplicates != 3 {
			t.Errorf("%+v, %v", done, err)
		}
		if last, err := c.POS().Last(t.Context()); err != nil || last != domain.Position(5) {
			t.Errorf("the log ends at %d, %v", last, err)
		}
	})
	for name, test := range map[string]struct {
		change func(*streams.Config)
		want   string
	}{
		"a user who may not":     {func(c *streams.Config) { c.CredentialsFile = s.file("stranger.creds") }, "Authorization Violation"},
		"no credentials":         {func(c *streams.Config) { c.CredentialsFile = "" }, "Authorization Violation"},
		"credentials not there":  {func(c *streams.Config) { c.CredentialsFile = s.file("nobody.creds") }, "no such file"},
		"no client certificate":  {func(c *streams.Config) { c.TLSCert, c.TLSKey = "", "" }, "cannot reach the broker"}, // the server hangs up, and when is a matter of luck
		"an authority not known": {func(c *streams.Config) { c.TLSCA = "" }, "unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			other := cfg
			test.change(&other)
			c, err := streams.Connect(t.Context(), other)
			if err == nil {
				c.Close()
			}
			var unavailable *streams.UnavailableError
			if !errors.As(err, &unavailable) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// secured is a NATS server in operator mode, which asks clients for certificates.
type secured struct {
	dir, url string
}

func (s *secured) file(name string) string { return filepath.Join(s.dir, name) }

func (s *secured) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(s.file(name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func newSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{dir: t.TempDir()}
	authority := newAuthority(t)
	s.write(t, "ca.crt", authority.certPEM())
	cert, key := authority.issue(t, 2, x509.ExtKeyUsageClientAuth)
	s.write(t, "client.crt", cert)
	s.write(t, "client.key", key)
	cert, key = authority.issue(t, 3, x509.ExtKeyUsageServerAuth)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	authorities.AddCert(authority.cert)

	operator, account, system, other := newKey(t, nkeys.CreateOperator), newKey(t, nkeys.CreateAccount), newKey(t, nkeys.CreateAccount), newKey(t, nkeys.CreateAccount)
	operatorClaims := jwt.NewOperatorClaims(operator.public)
	operatorClaims.SystemAccount = system.public
	accountClaims := jwt.NewAccountClaims(account.public)
	accountClaims.Limits.JetStreamLimits.DiskStorage, accountClaims.Limits.JetStreamLimits.MemoryStorage = jwt.NoLimit, jwt.NoLimit
	resolver := &server.MemAccResolver{}
	for _, a := range []*jwt.AccountClaims{accountClaims, jwt.NewAccountClaims(system.public)} {
		if err := resolver.Store(a.Subject, encoded(t, a, operator)); err != nil {
			t.Fatal(err)
		}
	}
	s.user(t, "app", account, func(*jwt.UserClaims) {})
	s.user(t, "sender", account, func(u *jwt.UserClaims) {
		u.Pub.Allow.Add("pos.>")
		u.Sub.Allow.Add("_INBOX.>")
	})
	s.user(t, "stranger", other, func(*jwt.UserClaims) {})

	encoded(t, operatorClaims, operator) // which says in the claims whose they are
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: s.file("store"),
		TrustedOperators: []*jwt.OperatorClaims{operatorClaims}, AccountResolver: resolver, SystemAccount: system.public,
		TLS: true, TLSVerify: true, TLSTimeout: 10,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: authorities, ClientAuth: tls.RequireAndVerifyClientCert},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not come up")
	}
	s.url = "tls://" + srv.Addr().String()
	return s
}

// user writes the .creds file of a user of an account.
func (s *secured) user(t *testing.T, name string, account namedKey, limit func(*jwt.UserClaims)) {
	t.Helper()
	key := newKey(t, nkeys.CreateUser)
	claims := jwt.NewUserClaims(key.public)
	claims.Name = name
	limit(claims)
	seed, err := key.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(encoded(t, claims, account), seed)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, name+".creds", creds)
}

// namedKey is a key of the NATS servers' and what it goes by.
type namedKey struct {
	nkeys.KeyPair
	public string
}

func newKey(t *testing.T, create func() (nkeys.KeyPair, error)) namedKey {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return namedKey{pair, public}
}

func encoded(t *testing.T, claims jwt.Claims, by namedKey) string {
	t.Helper()
	text, err := claims.Encode(by)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := ecKey(t)
	return authority{signed(t, template, template, key, key), key}
}

func (a authority) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue makes a certificate and its key, both as PEM.
func (a authority) issue(t *testing.T, serial int64, usage x509.ExtKeyUsage) (cert, key []byte) {
	t.Helper()
	own := ecKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert: signed(t, template, a.cert, own, a.key)}.certPEM(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signed(t *testing.T, template, parent *x509.Certificate, of, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &of.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
