package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

// bom is a bill of materials in CycloneDX 1.6
// (https://cyclonedx.org/docs/1.6/json/).
type bom struct {
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     bomMetadata  `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type bomMetadata struct {
	Component component `json:"component"`
}

// component is a module, or the binary.
type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Hashes     []bomHash  `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type bomHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

// billOf lists what the binary with that SHA-256 was built from. It has no time
// and no serial number: the same binary has the same bill.
func billOf(build *debug.BuildInfo, sum []byte) bom {
	main := moduleOf("application", &build.Main)
	main.Hashes = []bomHash{{"SHA-256", hex.EncodeToString(sum)}}
	main.Properties = append(main.Properties, property{"mapae:go", build.GoVersion + " " + runtime.GOOS + "/" + runtime.GOARCH})
	if revision := vcsRevision(build); revision != "" {
		main.Properties = append(main.Properties, property{"mapae:revision", revision})
	}
	b := bom{Format: "CycloneDX", SpecVersion: "1.6", Version: 1, Metadata: bomMetadata{main}}
	goVersion := strings.TrimPrefix(build.GoVersion, "go")
	b.Components = append(b.Components, component{Type: "library", Ref: "pkg:golang/std@" + goVersion, Name: "std", Version: goVersion, PURL: "pkg:golang/std@" + goVersion})
	for _, m := range build.Deps {
		for m.Replace != nil {
			m = m.Replace
		}
		b.Components = append(b.Components, moduleOf("library", m))
	}
	all := dependency{Ref: main.Ref}
	for _, c := range b.Components {
		all.DependsOn = append(all.DependsOn, c.Ref)
	}
	b.Dependencies = []dependency{all}
	return b
}

// moduleOf is a module of Go. Its h1 checksum is a SHA-256 of a list of hashes,
// not of a file, so it stands among the properties.
func moduleOf(kind string, m *debug.Module) component {
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	c := component{Type: kind, Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
	if sum, ok := strings.CutPrefix(m.Sum, "h1:"); ok {
		if _, err := base64.StdEncoding.DecodeString(sum); err == nil {
			c.Properties = []property{{"mapae:h1", m.Sum}}
		}
	}
	return c
}

func printBill(w io.Writer, build *debug.BuildInfo, sum []byte) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(billOf(build, sum)); err != nil {
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	return nil
}
