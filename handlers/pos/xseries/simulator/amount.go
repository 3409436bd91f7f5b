package simulator

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Amount is money or a quantity, exact, in hundred-thousandths: X-Series shows five decimals of both.
type Amount int64

// unit is 1.
const unit Amount = 100_000

// mostUnits bounds what is read, so that no sum of a simulated account can overflow.
const (
	decimals  = 5
	mostUnits = 1_000_000_000
)

// Of returns n whole units.
func Of(n int) Amount { return Amount(n) * unit }

// ParseAmount reads a plain decimal such as "-3", "41.50" or "0.25": at most five decimals, below a thousand million.
// There is no exponent in it, since that is how a spreadsheet damages a number.
func ParseAmount(text string) (Amount, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || point && fraction == "" || len(fraction) > decimals || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a plain decimal of at most %d decimals", text, decimals)
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil || n >= mostUnits*int64(unit) {
		return 0, fmt.Errorf("%q is not below %d", text, mostUnits)
	}
	if negative {
		n = -n
	}
	return Amount(n), nil
}

// String writes the shortest plain decimal: 24.5, 3, -0.25.
func (a Amount) String() string {
	text := a.fixed()
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// fixed writes five decimals always: 12.00000.
func (a Amount) fixed() string {
	sign, n := "", int64(a)
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%05d", sign, n/int64(unit), n%int64(unit))
}

// MarshalJSON writes a number.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads a number or a string that holds one.
func (a *Amount) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if len(text) > 1 && text[0] == '"' {
		text = text[1 : len(text)-1]
	}
	n, err := ParseAmount(text)
	*a = n
	return err
}

// times and over round half away from zero, once.
func (a Amount) times(b Amount) Amount { return quotient(multiplied(a, b), int64(unit)) }
func (a Amount) over(b Amount) Amount  { return quotient(multiplied(a, unit), int64(b)) }

func multiplied(a, b Amount) *big.Int {
	return new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(b)))
}

func quotient(n *big.Int, by int64) Amount {
	d := big.NewInt(by)
	twice := new(big.Int).Mul(n, big.NewInt(2))
	if n.Sign()*d.Sign() < 0 {
		twice.Sub(twice, d)
	} else {
		twice.Add(twice, d)
	}
	return Amount(new(big.Int).Quo(twice, new(big.Int).Mul(d, big.NewInt(2))).Int64())
}

// rounded is to so many decimals.
func (a Amount) rounded(to int) Amount {
	step := int64(1)
	for range decimals - to {
		step *= 10
	}
	return quotient(big.NewInt(int64(a)), step) * Amount(step)
}

// floor is the whole units below.
func (a Amount) floor() Amount {
	rest := a % unit
	if rest < 0 {
		rest += unit
	}
	return a - rest
}
