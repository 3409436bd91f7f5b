package domain

import (
	"fmt"

	"github.com/govalues/decimal"
)

// Money is an amount in the store's currency, never negative, with at most
// [MoneyScale] decimals and twelve digits before the point. The zero value is 0.
type Money struct{ d decimal.Decimal }

// Quantity is a signed number of units, with at most [QuantityScale] decimals
// and twelve digits before the point. The zero value is 0.
type Quantity struct{ d decimal.Decimal }

// The most decimals that a value may carry. X-Series writes prices and counts
// with five (pos-xseries, section 2.3).
const (
	MoneyScale    = 6
	QuantityScale = 5
)

const wholeDigits = 12

// ParseMoney reads a plain decimal such as "24.50": no sign, no exponent, no
// currency, no thousands separator.
func ParseMoney(s string) (Money, error) {
	if len(s) > 0 && s[0] == '-' {
		return Money{}, fmt.Errorf("must not be negative")
	}
	d, err := parseDecimal(s, MoneyScale)
	return Money{d}, err
}

// ParseQuantity reads a plain decimal such as "-3" or "0.25".
func ParseQuantity(s string) (Quantity, error) {
	d, err := parseDecimal(s, QuantityScale)
	return Quantity{d}, err
}

// MustMoney is [ParseMoney] for constants; it panics on an error.
func MustMoney(s string) Money { return must(ParseMoney(s)) }

// MustQuantity is [ParseQuantity] for constants; it panics on an error.
func MustQuantity(s string) Quantity { return must(ParseQuantity(s)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// parseDecimal accepts exactly -?[0-9]{1,12}(\.[0-9]{1,scale})?. The decimal
// library alone would also take exponents and would round what is too long.
func parseDecimal(s string, scale int) (decimal.Decimal, error) {
	whole, rest := s, ""
	for i := range len(s) {
		if s[i] == '.' {
			whole, rest = s[:i], s[i:]
			break
		}
	}
	if len(whole) > 0 && whole[0] == '-' {
		whole = whole[1:]
	}
	if !digits(whole) || rest == "." || len(rest) > 1 && !digits(rest[1:]) {
		return decimal.Decimal{}, fmt.Errorf("must be a plain decimal such as 12.50")
	}
	if len(whole) > wholeDigits {
		return decimal.Decimal{}, fmt.Errorf("must have at most %d digits before the point", wholeDigits)
	}
	if len(rest)-1 > scale {
		return decimal.Decimal{}, fmt.Errorf("must have at most %d decimals", scale)
	}
	d, err := decimal.Parse(s)
	if err != nil {
		return decimal.Decimal{}, fmt.Errorf("must be a plain decimal such as 12.50")
	}
	return d.Trim(0), nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// String writes the shortest plain decimal: 24.50 is "24.5".
func (m Money) String() string { return m.d.String() }

// MarshalText writes what [ParseMoney] reads.
func (m Money) MarshalText() ([]byte, error) { return m.d.MarshalText() }

// UnmarshalText is [ParseMoney].
func (m *Money) UnmarshalText(b []byte) (err error) { *m, err = ParseMoney(string(b)); return err }

// Round returns m with at most scale decimals, halves to the even neighbour.
func (m Money) Round(scale int) Money { return Money{m.d.Round(scale).Trim(0)} }

// IsZero reports whether m is 0.
func (m Money) IsZero() bool { return m.d.IsZero() }

// Equal reports whether both are the same amount.
func (m Money) Equal(n Money) bool { return m.d.Cmp(n.d) == 0 }

// Less reports whether m is the smaller amount.
func (m Money) Less(n Money) bool { return m.d.Cmp(n.d) < 0 }

// Decimal returns the amount for arithmetic and for other encodings.
func (m Money) Decimal() decimal.Decimal { return m.d }

// String writes the shortest plain decimal: 3.00 is "3".
func (q Quantity) String() string { return q.d.String() }

// MarshalText writes what [ParseQuantity] reads.
func (q Quantity) MarshalText() ([]byte, error) { return q.d.MarshalText() }

// UnmarshalText is [ParseQuantity].
func (q *Quantity) UnmarshalText(b []byte) (err error) {
	*q, err = ParseQuantity(string(b))
	return err
}

// Decimal returns the number for arithmetic and for other encodings.
func (q Quantity) Decimal() decimal.Decimal { return q.d }

// Sign is -1, 0 or 1.
func (q Quantity) Sign() int { return q.d.Sign() }

// Equal reports whether both are the same number.
func (q Quantity) Equal(r Quantity) bool { return q.d.Cmp(r.d) == 0 }

// Neg returns -q.
func (q Quantity) Neg() Quantity { return Quantity{q.d.Neg()} }

// Add returns q+r, or an error when the sum does not fit a quantity.
func (q Quantity) Add(r Quantity) (Quantity, error) {
	sum, err := q.d.Add(r.d)
	if err == nil && sum.Trunc(0).Prec() > wholeDigits {
		err = fmt.Errorf("more than %d digits", wholeDigits)
	}
	if err != nil {
		return Quantity{}, fmt.Errorf("%s + %s: does not fit a quantity: %w", q, r, err)
	}
	return Quantity{sum.Trim(0)}, nil
}
