package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand is mapae completion.
type completionCommand struct {
	Shell string `arg:"" env:"-" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown below the usage line.
func (*completionCommand) Help() string {
	return `Prints a script by which a shell completes commands, flags, values and files.

Examples:

  mapae completion bash > /etc/bash_completion.d/mapae
  mapae completion zsh > "${fpath[1]}/_mapae"
  mapae completion fish > ~/.config/fish/completions/mapae.fish`
}

// Run prints the script.
func (c *completionCommand) Run(parsed *kong.Context, std streams) error {
	words := wordsOf(parsed.Model.Node, "")
	switch c.Shell {
	case "bash":
		fmt.Fprint(std.out, bashScript(words))
	case "zsh":
		fmt.Fprint(std.out, zshScript(words))
	case "fish":
		fmt.Fprint(std.out, fishScript(words))
	}
	return nil
}

// completed is what can follow a command.
type completed struct {
	command string // " keys add"; empty: mapae itself
	next    []word // commands below it
	flags   []word
}

// word is one thing to type.
type word struct {
	text   string
	help   string
	values []string // of a flag that has few
	file   bool     // a flag whose value is a file or directory
	takes  bool     // a flag that a value follows
}

// wordsOf lists a command and all below it.
func wordsOf(node *kong.Node, command string) []completed {
	here := completed{command: command}
	var below []completed
	for _, child := range node.Children {
		if child.Hidden {
			continue
		}
		here.next = append(here.next, word{text: child.Name, help: child.Help})
		below = append(below, wordsOf(child, command+" "+child.Name)...)
	}
	for _, flag := range node.Flags {
		w := word{text: "--" + flag.Name, help: flag.Help, takes: !flag.IsBool()}
		w.file = strings.Contains(flag.PlaceHolder, "FILE") || strings.Contains(flag.PlaceHolder, "DIR")
		if flag.Enum != "" {
			w.values = slices.DeleteFunc(strings.Split(flag.Enum, ","), func(v string) bool { return v == "" })
		}
		here.flags = append(here.flags, w)
	}
	return append([]completed{here}, below...)
}

// valued returns the flags of all commands that a value follows, each once.
func valued(all []completed) (flags []word) {
	seen := map[string]bool{}
	for _, c := range all {
		for _, f := range c.flags {
			if f.takes && !seen[f.text] {
				seen[f.text] = true
				flags = append(flags, f)
			}
		}
	}
	return flags
}

// texts joins what is typed.
func texts(words ...word) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = w.text
	}
	return strings.Join(all, " ")
}

// script writes the body that bash and zsh have in common: which command is
// typed, what its last flag takes, and what else can follow. before lists the
// words typed so far but the first; offer and files are said in their own ways.
func script(all []completed, before, last, offer, files string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "  local at='' word\n  for word in %s; do\n    case \"$at $word\" in\n", before)
	for _, c := range all[1:] {
		fmt.Fprintf(&s, "      '%s') at='%s' ;;\n", c.command, c.command)
	}
	fmt.Fprintf(&s, "    esac\n  done\n  case \"%s\" in\n", last)
	for _, f := range valued(all) {
		switch {
		case f.values != nil:
			fmt.Fprintf(&s, "    %s) %s; return ;;\n", f.text, fmt.Sprintf(offer, strings.Join(f.values, " ")))
		case f.file:
			fmt.Fprintf(&s, "    %s) %s; return ;;\n", f.text, files)
		default:
			fmt.Fprintf(&s, "    %s) return ;;\n", f.text)
		}
	}
	fmt.Fprint(&s, "  esac\n  case \"$at\" in\n")
	for _, c := range all {
		fmt.Fprintf(&s, "    '%s') %s ;;\n", c.command, fmt.Sprintf(offer, strings.TrimSpace(texts(c.next...)+" "+texts(c.flags...))))
	}
	fmt.Fprint(&s, "  esac\n")
	return s.String()
}

func bashScript(all []completed) string {
	return "# bash completion for mapae\n_mapae() {\n  local cur=\"${COMP_WORDS[COMP_CWORD]}\"\n" +
		script(all, `"${COMP_WORDS[@]:1:COMP_CWORD-1}"`, `${COMP_WORDS[COMP_CWORD-1]}`, `COMPREPLY=($(compgen -W '%s' -- "$cur"))`, `compopt -o default 2>/dev/null || :; COMPREPLY=($(compgen -f -- "$cur"))`) +
		"}\ncomplete -F _mapae mapae\n"
}

func zshScript(all []completed) string {
	return "#compdef mapae\n_mapae() {\n" +
		script(all, `"${(@)words[2,CURRENT-1]}"`, `${words[CURRENT-1]}`, `compadd -- %s`, `_files`) +
		"}\nif [ \"$funcstack[1]\" = _mapae ]; then _mapae \"$@\"; else compdef _mapae mapae; fi\n"
}

// fishScript writes a line a word, each with its help.
func fishScript(all []completed) string {
	var s strings.Builder
	fmt.Fprint(&s, "# fish completion for mapae\nfunction __mapae_at\n  set -l at ''\n  for word in (commandline -opc)[2..]\n    switch \"$at $word\"\n")
	for _, c := range all[1:] {
		fmt.Fprintf(&s, "      case '%s'\n        set at '%s'\n", c.command, c.command)
	}
	fmt.Fprint(&s, "    end\n  end\n  test \"$at\" = \"$argv[1]\"\nend\ncomplete -c mapae -f\n")
	for _, c := range all {
		for _, w := range c.next {
			fmt.Fprintf(&s, "complete -c mapae -n \"__mapae_at '%s'\" -a %s -d %s\n", c.command, w.text, fishQuoted(w.help))
		}
		for _, f := range c.flags {
			more := ""
			switch {
			case f.values != nil:
				more = " -x -a '" + strings.Join(f.values, " ") + "'"
			case f.file:
				more = " -r -F"
			case f.takes:
				more = " -x"
			}
			fmt.Fprintf(&s, "complete -c mapae -n \"__mapae_at '%s'\" -l %s%s -d %s\n", c.command, strings.TrimPrefix(f.text, "--"), more, fishQuoted(f.help))
		}
	}
	return s.String()
}

func fishQuoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
