package e2e

import (
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sheet shows all screens: a row for each, a column for each language and
// frame.
var sheet = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Screens</title>
<style>body { font: 14px system-ui; margin: 1rem } td, th { vertical-align: top; padding: .25rem; text-align: left } img { width: 10rem; border: 1px solid #999 } th { position: sticky; top: 0; background: #fff }</style>
<h1>Screens</h1>
<table>
<tr><th></th>{{range $.Languages}}{{$l := .}}{{range $.Frames}}<th>{{$l}}, {{.}}</th>{{end}}{{end}}</tr>
{{range $.Screens}}{{$s := .}}<tr><th>{{.}}</th>{{range $.Languages}}{{$l := .}}{{range $.Frames}}<td><a href="screens/{{$s}}.{{$l}}.{{.}}.png"><img loading="lazy" alt="" src="screens/{{$s}}.{{$l}}.{{.}}.png"></a></td>{{end}}{{end}}</tr>
{{end}}</table>
</html>
`))

// writeSheet writes contact-sheet.html over the pictures that frames took.
func writeSheet(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "screens", "*.png"))
	if err != nil || len(files) == 0 {
		return err
	}
	var screens, names []string
	for _, file := range files {
		screen, _, _ := strings.Cut(filepath.Base(file), ".")
		screens = append(screens, screen)
	}
	for _, f := range frames {
		names = append(names, f.name)
	}
	slices.Sort(screens)
	out, err := os.Create(filepath.Join(folder, "contact-sheet.html"))
	if err != nil {
		return err
	}
	defer out.Close()
	return sheet.Execute(out, map[string][]string{"Screens": slices.Compact(screens), "Languages": languages, "Frames": names})
}
