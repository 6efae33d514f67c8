package option

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxValue is how long a value may be, in bytes.
const MaxValue = 16 << 10

// Normalise checks one value and returns its normal form: booleans as true or
// false, numbers in decimal, durations in Go syntax, lists without blanks. The
// error says what is wrong and what is allowed; it never shows a secret.
func (o Option) Normalise(value string) (string, error) {
	value, err := o.normal(strings.TrimSpace(value))
	if err != nil {
		return "", fmt.Errorf("%w; %s takes %s", err, o.Key, o.Allowed())
	}
	return value, nil
}

func (o Option) normal(value string) (string, error) {
	if err := checkText(value); err != nil {
		return "", err
	}
	var ok bool
	switch o.Type {
	case Int:
		value, ok = o.integer(value)
	case Bool:
		value, ok = boolean(value)
	case Enum:
		value, ok = o.choice(value)
	case Duration:
		value, ok = o.duration(value)
	case List:
		value, ok = list(value), true
	default:
		ok = true
	}
	if !ok && o.Secret {
		return "", errors.New("the value is not allowed")
	}
	if !ok {
		return "", fmt.Errorf("%s is not allowed", Quote(value))
	}
	return value, nil
}

// checkText refuses what no option can mean and what a terminal could obey.
func checkText(value string) error {
	if len(value) > MaxValue {
		return fmt.Errorf("the value is longer than %d bytes", MaxValue)
	}
	if !utf8.ValidString(value) {
		return errors.New("the value is not UTF-8")
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return errors.New("the value has a control character in it")
	}
	return nil
}

func (o Option) integer(value string) (string, bool) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || !o.inRange(n) {
		return value, false
	}
	return strconv.FormatInt(n, 10), true
}

func (o Option) inRange(n int64) bool {
	return o.Min == 0 && o.Max == 0 || o.Min <= n && n <= o.Max
}

func boolean(value string) (string, bool) {
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1":
		return "true", true
	case "false", "no", "off", "0":
		return "false", true
	}
	return value, false
}

func (o Option) choice(value string) (string, bool) {
	for _, c := range o.Choices {
		if strings.EqualFold(c, value) {
			return c, true
		}
	}
	return value, false
}

func (o Option) duration(value string) (string, bool) {
	d, err := ParseDuration(value)
	if err != nil {
		return value, false
	}
	bounded := o.Min != 0 || o.Max != 0
	if bounded && (d < time.Duration(o.Min)*time.Second || d > time.Duration(o.Max)*time.Second) {
		return value, false
	}
	return duration(d), true
}

// ParseDuration reads the value of a Duration: Go syntax, or a bare number of
// seconds, and not less than nothing.
func ParseDuration(value string) (time.Duration, error) {
	written := value
	if _, err := strconv.ParseUint(value, 10, 63); err == nil {
		written += "s"
	}
	d, err := time.ParseDuration(written)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s is not a duration such as 30s or 5m", Quote(value))
	}
	return d, nil
}

// duration is d.String without the zeros at its end: 5m, 1h, 0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func list(value string) string {
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return strings.Join(items, ",")
}

// Allowed says what the option takes: "a whole number from 576 to 65535".
func (o Option) Allowed() string {
	bounded := o.Min != 0 || o.Max != 0
	switch {
	case o.Type == Int && bounded:
		return fmt.Sprintf("a whole number from %d to %d", o.Min, o.Max)
	case o.Type == Int:
		return "a whole number"
	case o.Type == Bool:
		return "true or false (also yes, no, on, off, 1, 0)"
	case o.Type == Enum:
		return "one of: " + strings.Join(o.Choices, ", ")
	case o.Type == Duration && bounded:
		low, high := time.Duration(o.Min)*time.Second, time.Duration(o.Max)*time.Second
		return fmt.Sprintf("a duration such as 30s or 5m, from %s to %s", duration(low), duration(high))
	case o.Type == Duration:
		return "a duration such as 30s or 5m"
	case o.Type == File:
		return "the path of a file"
	case o.Type == List:
		return "texts separated by commas"
	}
	return "a text of one line"
}

// Quote shows a value in a message, cut when it is long.
func Quote(value string) string {
	const most = 60
	if len(value) <= most {
		return strconv.Quote(value)
	}
	return strconv.Quote(strings.ToValidUTF8(value[:most], "")) + "..."
}
