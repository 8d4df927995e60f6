// Command webbuild makes what the pages load (services/web/assets/dist) from TypeScript and CSS, so that whoever builds Naru
// needs Go only. Its output is committed; make verify makes it again and compares.
//
//	webbuild <folder of assets> <folder to write>
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "webbuild <folder of assets> <folder to write>")
		os.Exit(2)
	}
	if err := build(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func build(from, to string) error {
	result := api.Build(api.BuildOptions{
		EntryPoints: []string{filepath.Join(from, "ts", "naru.ts"), filepath.Join(from, "ts", "viewer.ts"), filepath.Join(from, "css", "naru.css")},
		Outdir:      to, EntryNames: "[name]",
		Bundle: true, Write: true, Format: api.FormatESModule, Charset: api.CharsetUTF8, LegalComments: api.LegalCommentsNone,
		MinifyWhitespace: true, MinifySyntax: true, MinifyIdentifiers: true,
		// Browsers of the last two to three years; pdf.js wants newer ones.
		Engines:  []api.Engine{{Name: api.EngineChrome, Version: "109"}, {Name: api.EngineFirefox, Version: "115"}, {Name: api.EngineSafari, Version: "16.4"}},
		LogLevel: api.LogLevelWarning,
	})
	if len(result.Errors) > 0 {
		return fmt.Errorf("webbuild: %d errors", len(result.Errors))
	}
	icon, err := os.ReadFile(filepath.Join(from, "css", "icon.svg"))
	if err != nil {
		return fmt.Errorf("read the icon: %w", err)
	}
	if err := os.WriteFile(filepath.Join(to, "icon.svg"), icon, 0o644); err != nil { //nolint:gosec // a public file
		return fmt.Errorf("write the icon: %w", err)
	}
	return nil
}
