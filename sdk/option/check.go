package option

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Limits of a schema, which may come from a stranger's plugin.
const (
	maxOptions = 256
	maxChoices = 256
	maxText    = 1024 // bytes of a label, help, group, default or choice
)

var keyPattern = regexp.MustCompile(`^[a-z0-9-]{1,48}$`)

// Check says whether the schema itself is sound: keys well formed and unique,
// defaults allowed, bounds and choices where they mean something, conditions about
// options that exist. It returns everything that is wrong, joined.
func (s Schema) Check() error {
	if len(s) > maxOptions {
		return fmt.Errorf("a schema has at most %d options, this one has %d", maxOptions, len(s))
	}
	var all []error
	seen := map[string]bool{}
	for _, o := range s {
		if seen[o.Key] {
			all = append(all, fmt.Errorf("option %q is there twice", o.Key))
		}
		seen[o.Key] = true
		if err := errors.Join(o.check(), s.checkCondition(o)); err != nil {
			all = append(all, fmt.Errorf("option %s: %w", Quote(o.Key), err))
		}
	}
	return errors.Join(all...)
}

func (o Option) check() error {
	switch {
	case !keyPattern.MatchString(o.Key):
		return errors.New("a key is 1 to 48 of a-z, 0-9 and -")
	case o.Type < 0 || int(o.Type) >= len(typeNames):
		return fmt.Errorf("there is no type %d", int(o.Type))
	case o.Type == Enum && (len(o.Choices) == 0 || len(o.Choices) > maxChoices):
		return fmt.Errorf("an enum has 1 to %d choices", maxChoices)
	case o.Type != Enum && len(o.Choices) > 0:
		return errors.New("only an enum has choices")
	case o.Min > o.Max:
		return errors.New("min is larger than max")
	case (o.Min != 0 || o.Max != 0) && o.Type != Int && o.Type != Duration:
		return errors.New("only numbers and durations have bounds")
	case o.Type == Duration && (o.Min < 0 || o.Max > maxSeconds):
		return fmt.Errorf("a duration is bounded by 0 to %d seconds", int64(maxSeconds))
	case o.Secret && o.Default != "":
		return errors.New("a secret has no default")
	}
	if err := o.checkTexts(); err != nil {
		return err
	}
	if o.Default == "" {
		return nil
	}
	if _, err := o.Normalise(o.Default); err != nil {
		return fmt.Errorf("default: %w", err)
	}
	return nil
}

// maxSeconds is what fits in a time.Duration.
const maxSeconds = 1<<63/1_000_000_000 - 1

func (o Option) checkTexts() error {
	for _, text := range append([]string{o.Label, o.Help, o.Group, o.Default}, o.Choices...) {
		if len(text) > maxText {
			return fmt.Errorf("a text is longer than %d bytes", maxText)
		}
		if err := checkText(text); err != nil {
			return fmt.Errorf("in a text: %w", err)
		}
	}
	if slices.Contains(o.Choices, "") {
		return errors.New("a choice is empty")
	}
	return nil
}

func (s Schema) checkCondition(o Option) error {
	if o.VisibleIf == (Condition{}) {
		return nil
	}
	on, ok := s.Find(o.VisibleIf.Key)
	switch {
	case !ok:
		return fmt.Errorf("it is visible if %s is set, which does not exist", Quote(o.VisibleIf.Key))
	case on.Key == o.Key:
		return errors.New("its visibility depends on itself")
	case on.Secret:
		return errors.New("its visibility depends on a secret")
	}
	value, err := on.Normalise(o.VisibleIf.Value)
	if err == nil && value != o.VisibleIf.Value {
		err = fmt.Errorf("write %s", Quote(value))
	}
	if err != nil {
		return fmt.Errorf("visible_if: %w", err)
	}
	return nil
}
