package ask

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Bounds of what comes back as hints.
const (
	maxFields  = 32
	maxChoices = 256
	maxKey     = 128 // bytes of a secret's name
)

// ParseHints is the reverse of Hints, for the dialog. Without a Question of ours among
// the hints it makes one of the names and of NetworkManager's message.
func ParseHints(hints []string) (Question, error) {
	var q Question
	for _, h := range hints {
		if encoded, ok := strings.CutPrefix(h, questionPrefix); ok {
			return parseQuestion(encoded)
		}
		if text, ok := strings.CutPrefix(h, messagePrefix); ok {
			q.Text = text
		} else if ValidKey(h) && !strings.Contains(h, ":") {
			q.Fields = append(q.Fields, Field{Key: h, Label: h, Secret: true})
		}
	}
	return q, q.check()
}

func parseQuestion(encoded string) (Question, error) {
	var q Question
	if len(encoded) > maxQuestion {
		return q, errors.New("the question is too long")
	}
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return q, fmt.Errorf("the question is not base64: %w", err)
	}
	if err := json.Unmarshal(data, &q); err != nil {
		return q, fmt.Errorf("the question is not understood: %w", err)
	}
	return q, q.check()
}

func (q Question) check() error {
	kinds := 0
	for _, set := range []bool{len(q.Fields) > 0, q.Confirm != nil, q.Sso != nil} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return errors.New("the question asks nothing, or several things at once")
	case len(q.Fields) > maxFields:
		return fmt.Errorf("the question has %d fields, at most %d are allowed", len(q.Fields), maxFields)
	}
	if key := q.Keys()[0]; !ValidKey(key) {
		return fmt.Errorf("%.40q cannot name a secret", key)
	}
	seen := map[string]bool{}
	for _, f := range q.Fields {
		switch {
		case !ValidKey(f.Key):
			return fmt.Errorf("%.40q cannot name a secret", f.Key)
		case seen[f.Key]:
			return fmt.Errorf("the question has the field %s twice", f.Key)
		case len(f.Choices) > maxChoices:
			return fmt.Errorf("the field %s has %d choices, at most %d are allowed", f.Key, len(f.Choices), maxChoices)
		}
		seen[f.Key] = true
	}
	return nil
}

// ValidKey allows what names a secret in key files and on lines of their own.
func ValidKey(key string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	return key != "" && len(key) <= maxKey && strings.Trim(key, letters+" :") == "" && strings.TrimSpace(key) == key
}
