package unit

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/telemetry"
)

// Main runs one unit as a process and returns its exit code. It handles flags, configuration and signals, and is all that a
// unit's main function calls.
func Main(u Unit) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	SpendMemory(MemoryOfOne)
	return run(ctx, u, os.Args[1:], os.Stdout, os.Stderr)
}

func run(ctx context.Context, u Unit, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(u.Name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	platformFile := flags.String("platform", "", "file of the settings all units share (deploy/config/platform.yaml)")
	unitFile := flags.String("config", "", "file of this unit's settings; empty means its defaults (-example is one)")
	example := flags.Bool("example", false, "print a file of this unit's settings that names each of them, and exit")
	check := flags.Bool("check", false, "check the configuration and that every file it names can be read, list every problem, and exit")
	show := flags.Bool("print-config", false, "print the effective configuration without secrets, and exit")
	migrate := flags.Bool("migrate", false, "bring the schema, streams and consumers of this unit forward, and exit")
	reopen := flags.String("reopen", "", "where the database went back: begin a new generation of the log, for this `reason`, and go on")
	version := flags.Bool("version", false, "print the version, and exit")
	if code, done := ParseFlags(flags, args); done {
		return code
	}
	if *version {
		fmt.Fprintln(stdout, Version())
		return ExitOK
	}
	if *example {
		fmt.Fprint(stdout, u.Settings)
		return ExitOK
	}
	process, unitConfig := DefaultProcess(), u.NewConfig()
	err := errors.Join(config.Load(*platformFile, process), config.Load(*unitFile, unitConfig), unitConfig.Validate())
	if !*show {
		err = errors.Join(err, config.Missing(process), config.Missing(unitConfig), process.missing(u.Name, *migrate))
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return ExitUsage
	}
	switch {
	case *check:
		fmt.Fprintln(stdout, "the configuration is valid, and every file it names is there")
		return ExitOK
	case *show:
		return printConfig(stdout, stderr, process, unitConfig)
	}
	log := slog.New(telemetry.NewHandler(stderr, slog.LevelInfo)).With(slog.String("unit", u.Name))
	if err := serve(ctx, u, process, start{*unitFile, *reopen, *migrate}, stderr); err != nil && !errors.Is(err, context.Canceled) {
		log.LogAttrs(ctx, slog.LevelError, "process ends", slog.Any("error", err))
		return ExitFailed
	}
	return ExitOK
}

// start is how a unit is started.
type start struct {
	unitFile, reopen string
	migrate          bool
}

func serve(ctx context.Context, u Unit, process *Process, s start, logs io.Writer) error {
	rt, err := process.runtime(u.Name, s.unitFile, Version(), logs)
	if err != nil {
		return err
	}
	rt.Reopen = s.reopen
	if !s.migrate {
		return Run(ctx, rt, u)
	}
	password, err := process.secret("", "bus_admin_password", true)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	admin := process.busOptions(process.Bus.AdminUser, password)
	admin.Log = slog.New(telemetry.NewHandler(logs, slog.LevelInfo))
	return Migrate(ctx, rt, admin, u)
}

func printConfig(stdout, stderr io.Writer, parts ...any) int {
	for _, part := range parts {
		shown, err := config.Marshal(part)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return ExitFailed
		}
		fmt.Fprintf(stdout, "---\n%s", shown)
	}
	return ExitOK
}

// Version is the module version or the commit this binary was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return info.Main.Version
}
