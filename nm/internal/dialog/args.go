package dialog

import "strings"

const maxHints = 64

// Args is the agent's command line.
type Args struct {
	UUID, Name, Service string
	Interact            bool     // somebody may be asked
	Again               bool     // what is known was not enough, or was wrong
	External            bool     // the agent draws
	Hints               []string // see package ask
}

// ParseArgs reads argv without the program's name. What it does not know it leaves
// alone: agents of later versions may say more.
func ParseArgs(argv []string) Args {
	var a Args
	texts := map[string]*string{"-u": &a.UUID, "--uuid": &a.UUID, "-n": &a.Name, "--name": &a.Name, "-s": &a.Service, "--service": &a.Service}
	flags := map[string]*bool{"-i": &a.Interact, "--allow-interaction": &a.Interact, "-r": &a.Again, "--reprompt": &a.Again, "--external-ui-mode": &a.External}
	for len(argv) > 0 {
		word := argv[0]
		argv = argv[1:]
		if flag, ok := flags[word]; ok {
			*flag = true
			continue
		}
		name, value, joined := strings.Cut(word, "=")
		text, isText := texts[name]
		isHint := name == "-t" || name == "--hint"
		if !isText && !isHint {
			continue
		}
		if !joined && len(argv) > 0 {
			value, argv = argv[0], argv[1:]
		}
		switch {
		case isText:
			*text = value
		case len(a.Hints) < maxHints:
			a.Hints = append(a.Hints, value)
		}
	}
	return a
}
