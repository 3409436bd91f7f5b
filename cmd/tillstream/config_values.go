package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// reader turns a value into what [Config] holds. The value is a string from a
// flag or the environment, or what YAML made of it. Its error says what is
// expected, and never the value.
type reader func(value any) (any, error)

const maxWhole = math.MaxInt32

func text(value any) (any, error) {
	s, ok := value.(string)
	if !ok {
		return nil, errors.New("must be text; put it in quotes")
	}
	return strings.TrimSpace(s), nil
}

func oneOf(allowed ...string) reader {
	return func(value any) (any, error) {
		if s, ok := value.(string); ok && slices.Contains(allowed, s) {
			return s, nil
		}
		return nil, fmt.Errorf("must be %s", either(allowed))
	}
}

func either(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// someOf reads a list of words, each once.
func someOf(allowed ...string) reader {
	return func(value any) (any, error) {
		list, ok := texts(value)
		for i, s := range list {
			ok = ok && slices.Contains(allowed, s) && !slices.Contains(list[:i], s)
		}
		if !ok || len(list) == 0 {
			return nil, fmt.Errorf("must be one or more of %s, each once", strings.Join(allowed, ", "))
		}
		return list, nil
	}
}

// texts reads "a, b" or a list.
func texts(value any) ([]string, bool) {
	switch v := value.(type) {
	case string:
		list := strings.Split(v, ",")
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
		return list, true
	case []any:
		list := make([]string, len(v))
		for i := range v {
			switch v[i].(type) {
			case string, int, int64, uint64:
				list[i] = fmt.Sprint(v[i])
			default:
				return nil, false
			}
		}
		return list, true
	}
	return nil, false
}

func number(value any) (int64, bool) {
	switch v := value.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return n, err == nil
	}
	return 0, false
}

func whole(least, most int64) reader {
	return func(value any) (any, error) {
		if n, ok := number(value); ok && n >= least && n <= most {
			return n, nil
		}
		return nil, fmt.Errorf("must be a whole number from %d to %d", least, most)
	}
}

// ids reads BigCommerce's ids.
func ids(value any) (any, error) {
	if n, ok := value.(int); ok {
		value = strconv.Itoa(n)
	}
	list, ok := texts(value)
	out := make([]int64, len(list))
	for i, s := range list {
		n, err := strconv.ParseInt(s, 10, 64)
		ok = ok && err == nil && n > 0
		out[i] = n
	}
	if !ok {
		return nil, errors.New("must be ids separated by commas, such as 23,24")
	}
	return out, nil
}

// outlets reads "Quayside=1,Mill Lane=1" or a map of that.
func outlets(value any) (any, error) {
	expected := errors.New("must be outlets with their BigCommerce locations, each outlet once, such as Quayside=1,Mill Lane=1")
	pairs := map[string]any{}
	switch v := value.(type) {
	case string:
		for pair := range strings.SplitSeq(v, ",") {
			i := strings.LastIndexByte(pair, '=') // an outlet's name may have one
			if i < 0 {
				return nil, expected
			}
			name := strings.TrimSpace(pair[:i])
			if _, twice := pairs[name]; twice {
				return nil, expected
			}
			pairs[name] = pair[i+1:]
		}
	case map[string]any:
		maps.Copy(pairs, v)
	default:
		return nil, expected
	}
	out := map[string]int64{}
	for name, location := range pairs {
		n, ok := number(location)
		if !ok || n < 1 || name == "" {
			return nil, expected
		}
		out[name] = n
	}
	return out, nil
}

func address(value any) (any, error) {
	s, _ := value.(string)
	host, port, err := net.SplitHostPort(strings.TrimSpace(s))
	n, numErr := strconv.ParseUint(port, 10, 16)
	if err != nil || numErr != nil {
		return nil, errors.New("must be host:port, such as 127.0.0.1:8080")
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

func httpURL(value any) (any, error) {
	s, _ := value.(string)
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("must be an http:// or https:// URL without user, query or fragment")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

func natsURLs(value any) (any, error) {
	list, ok := texts(value)
	for _, s := range list {
		u, err := url.Parse(s)
		ok = ok && err == nil && u.Host != "" && slices.Contains(natsSchemes, u.Scheme)
	}
	if !ok || len(list) == 0 {
		return nil, errors.New("must be URLs separated by commas, such as nats://nats-1:4222,nats://nats-2:4222")
	}
	return strings.Join(list, ","), nil
}

func storeID(value any) (any, error) {
	s, _ := value.(string)
	if _, err := domain.ParseStoreID(s); err != nil {
		return nil, errors.New("must be 1 to 32 characters of a-z, 0-9 and '-'")
	}
	return s, nil
}

func storeHash(value any) (any, error) {
	s, _ := value.(string)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(s) {
		return nil, errors.New("must be the store hash alone, as in https://api.bigcommerce.com/stores/HASH/v3; in the file, in quotes")
	}
	return s, nil
}

func weight(value any) (any, error) {
	switch value.(type) {
	case int, float64:
		value = fmt.Sprint(value)
	}
	s, _ := value.(string)
	q, err := domain.ParseQuantity(strings.TrimSpace(s))
	if err != nil || q.Sign() < 0 {
		return nil, errors.New("must be a decimal number, 0 or more")
	}
	return q.String(), nil
}

// duration reads a length of time above 0, such as 90s.
func duration(value any) (any, error) {
	s, _ := value.(string)
	d, err := time.ParseDuration(strings.TrimSpace(s))
	if err != nil || d <= 0 {
		return nil, errors.New("must be a duration above 0, such as 1m or 90s")
	}
	return d, nil
}

// part reads a part of a whole, above nothing: 0.2 or 20%.
func part(value any) (any, error) {
	switch value.(type) {
	case int, float64:
		value = fmt.Sprint(value)
	}
	s, _ := value.(string)
	digits, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if percent {
		n /= 100
	}
	if err != nil || !(n > 0 && n <= 1) {
		return nil, errors.New("must be a part such as 20% or 0.2, above 0 and at most 100%")
	}
	return n, nil
}

// posPlans are the plans of the POS on which the integration exists.
func posPlans() []string {
	return []string{"Pro", "Standard", "Advanced", "Enterprise", "Core", "Plus"}
}

func posPlan(value any) (any, error) {
	s, _ := value.(string)
	for _, plan := range posPlans() {
		if strings.EqualFold(plan, strings.TrimSpace(s)) {
			return plan, nil
		}
	}
	return nil, fmt.Errorf("the integration exists on the POS plans %s only; change the plan, or correct the setting", either(posPlans()))
}
