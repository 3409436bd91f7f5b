package streams

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/crypto/bcrypt"

	"github.com/tillstream/tillstream/domain"
)

// The users of the embedded server. Each has its password in a file of its name
// below DataDir/users, readable by the owner of the folder only.
const (
	appUser      = "app"      // this program: everything but harming a log
	operatorUser = "operator" // a person with the nats command line tool
)

// AdapterUser is the embedded server's user for a foreign program that publishes the
// POS events of one store.
func AdapterUser(store domain.StoreID) string { return "adapter-" + string(store) }

// AdapterInbox is the inbox prefix that a client of [AdapterUser] has to set: it may
// not listen to other people's replies.
func AdapterInbox(store domain.StoreID) string { return "_INBOX_" + AdapterUser(store) }

// userDir returns the folder of password files.
func userDir(dataDir string) string { return filepath.Join(dataDir, "users") }

// loadUsers reads the users' passwords from dir and makes those that are missing; of
// adapters there is one for each of the stores.
// The server is given their hashes; the passwords are for who connects.
func loadUsers(dir string, stores []domain.StoreID) (users []*server.User, passwords map[string]string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, notWritable(dir, err)
	}
	users = []*server.User{
		{Username: appUser, Permissions: appPermissions()},
		{Username: operatorUser},
	}
	for _, store := range stores {
		users = append(users, &server.User{Username: AdapterUser(store), Permissions: adapterPermissions(store)})
	}
	passwords = make(map[string]string, len(users))
	for _, u := range users {
		password, err := loadPassword(filepath.Join(dir, u.Username))
		if err != nil {
			return nil, nil, fmt.Errorf("password of the user %s: %w", u.Username, err)
		}
		// The cheapest cost is enough: nobody guesses 128 random bits.
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			return nil, nil, fmt.Errorf("password of the user %s: %w", u.Username, err)
		}
		u.Password, passwords[u.Username] = string(hash), password
	}
	return users, passwords, nil
}

func loadPassword(path string) (string, error) {
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		if p := strings.TrimSpace(string(b)); p != "" {
			return p, nil
		}
		return "", fmt.Errorf("%s is empty; remove it and a new one is made", path)
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	p := rand.Text()
	if err := os.WriteFile(path, []byte(p+"\n"), 0o600); err != nil {
		return "", notWritable(filepath.Dir(path), err)
	}
	return p, nil
}

// appPermissions withholds from the program what could change what a log holds.
// DenyDelete and DenyPurge alone do not: the server lets an update put a limit on
// a stream, which removes messages, and lets a stream be removed whole.
func appPermissions() *server.Permissions {
	var deny []string
	for _, log := range kept() {
		deny = append(deny, harmful(log)...)
	}
	return &server.Permissions{Publish: &server.SubjectPermission{Deny: deny}}
}

// kept names the streams that never lose a message.
func kept() []string {
	return []string{streamPOS, streamSync, streamDeadLetters, streamHeads, streamTiles}
}

// harmful are the requests that could change what a stream holds.
func harmful(stream string) []string {
	var out []string
	for _, verb := range []string{"UPDATE", "DELETE", "PURGE", "MSG.DELETE"} {
		out = append(out, "$JS.API.STREAM."+verb+"."+stream)
	}
	return out
}

// adapterPermissions lets a foreign program publish the POS events of a store, and
// hear the acknowledgement.
func adapterPermissions(store domain.StoreID) *server.Permissions {
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{posPrefix + "." + string(store) + ".*"}},
		Subscribe: &server.SubjectPermission{Allow: []string{AdapterInbox(store) + ".>"}},
	}
}
