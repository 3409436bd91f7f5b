package main

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the settings.
type Problem struct {
	Where    string   // the setting as whoever set it spelled it
	Value    string   // quoted; empty when it is a secret or was not set
	Expected string   // what is wrong with it
	Also     []string // its other spellings
}

// String is the problem in one line.
func (p Problem) String() string {
	s := p.Where
	if p.Value != "" {
		s += " " + p.Value
	}
	s += ": " + p.Expected
	if len(p.Also) > 0 {
		s += " (also: " + strings.Join(p.Also, ", ") + ")"
	}
	return s
}

// ConfigError is everything that is wrong with the settings.
type ConfigError struct {
	Problems []Problem
	Hint     string // empty when the problems say enough
}

func (e *ConfigError) Error() string {
	if len(e.Problems) == 1 {
		return "settings: " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "settings: %d problems:", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// Validate says everything that is wrong with the settings for a process that
// takes these roles; none for a command that only talks to one. The error is a
// [*ConfigError].
func (c *Config) Validate(roles []string) error {
	e := &ConfigError{Problems: slices.Clone(c.problems)}
	wrong := func(where, format string, args ...any) {
		e.Problems = append(e.Problems, Problem{Where: where, Expected: fmt.Sprintf(format, args...)})
	}
	c.checkNATS(wrong)
	c.checkStores(wrong)
	for i, s := range c.Stores {
		c.checkXSeries(fmt.Sprintf("stores[%d]", i), s, slices.Contains(roles, rolePoll), wrong)
	}
	if len(roles) > 0 && len(c.Stores) == 0 && len(c.problems) == 0 {
		wrong(envPrefix+"STORE", "no store is set; name it, or list stores in a file (--config)")
		e.Hint = "tillstream up --demo"
	}
	if slices.Contains(roles, rolePublish) && c.checkBigCommerce(wrong) {
		e.Hint = "set what is missing, or look around without it: tillstream up --demo"
	}
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

type complain func(where, format string, args ...any)

func (c *Config) checkNATS(wrong complain) {
	n := c.NATS
	if (n.Cert == "") != (n.Key == "") {
		wrong("nats.cert, nats.key", "a client certificate needs both files (%sNATS_CERT, %sNATS_KEY)", envPrefix, envPrefix)
	}
	if n.Credentials != "" && (n.User != "" || n.Password != "") {
		wrong("nats.credentials", "user and password are set as well; set one of them")
	}
	if n.URL != "" {
		return
	}
	const use = "is of use with a NATS cluster only; set nats.url (TILLSTREAM_NATS), or leave it out"
	if n.Replicas > 1 {
		wrong("nats.replicas", use)
	}
	for _, s := range []struct{ key, value string }{
		{"nats.credentials", n.Credentials}, {"nats.user", n.User}, {"nats.password", n.Password.Reveal()},
		{"nats.ca", n.CA}, {"nats.cert", n.Cert}, {"nats.key", n.Key},
	} {
		if s.value != "" {
			wrong(s.key, use)
		}
	}
}

func (c *Config) checkStores(wrong complain) {
	byID := map[string]int{}
	byTwin := map[string]string{}
	for i, s := range c.Stores {
		where := fmt.Sprintf("stores[%d]", i)
		if s.ID == "" {
			// An id that could not be read has been told already.
			if len(c.problems) == 0 {
				wrong(where+".id", "is not set (%sSTORE)", envPrefix)
			}
			continue
		}
		if first, ok := byID[s.ID]; ok {
			wrong(where+".id", "%q is the id of stores[%d] too", s.ID, first)
		}
		byID[s.ID] = i
		if b := s.Breaker; b.Share == 0 && b != (Breaker{}) && !c.told("breaker.share") {
			wrong(where+".breaker", "has no share, without which it is off; set breaker.share (%sBREAKER_SHARE), or leave the others out", envPrefix)
		}
		if s.BigCommerce.StoreHash == "" {
			continue
		}
		twin := s.BigCommerce.API + " " + s.BigCommerce.StoreHash
		if first, ok := byTwin[twin]; ok {
			wrong(where+".bigcommerce.store_hash", "%q is what store %q pushes to; two stores would overwrite each other", s.BigCommerce.StoreHash, first)
		}
		byTwin[twin] = s.ID
	}
}

// checkBigCommerce reports whether a store lacks what a push needs.
func (c *Config) checkBigCommerce(wrong complain) bool {
	lacks := false
	for i, s := range c.Stores {
		which := fmt.Sprintf("store %q", s.ID)
		if s.ID == "" { // it could not be read
			which = fmt.Sprintf("stores[%d]", i)
		}
		for _, need := range []struct{ key, value string }{
			{"store_hash", s.BigCommerce.StoreHash}, {"token", s.BigCommerce.Token.Reveal()},
		} {
			setting, _ := find(storeSettings(), func(t setting) bool { return t.key == "bigcommerce."+need.key })
			if need.value == "" && !c.told(setting.key) {
				lacks = true
				name := envPrefix + setting.env
				if need.key == "token" {
					name += " or " + name + "_FILE"
				}
				wrong(name, "is not set, and %s cannot be pushed without it (also: %s)", which, setting.inFile("stores[]"))
			}
		}
	}
	return lacks
}

// told reports whether a store's setting could not be read, which is a problem that
// is told already.
func (c *Config) told(key string) bool {
	setting, _ := find(storeSettings(), func(t setting) bool { return t.key == key })
	return slices.ContainsFunc(c.problems, func(p Problem) bool {
		return strings.Contains(p.Where, setting.env) || strings.Contains(p.Where, setting.key)
	})
}
