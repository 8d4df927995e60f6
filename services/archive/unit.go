package archive

import (
	"context"
	_ "embed"

	"github.com/naru-relay/naru/pkg/unit"
)

//go:embed settings.yaml
var settings string

// Unit is the archive unit. unit.Spec documents the further fields: tables, facts, consumers, doors and tasks.
var Unit = unit.Spec[*Config, *service]{
	Name:     "archive",
	Duty:     "to be said",
	Defaults: Default,
	Settings: settings,
	Policy:   "archive/1",
	Witness:  "status",
	Build:    build,
}.Unit()

// service holds what the unit's handlers and tasks need.
type service struct{}

func build(_ context.Context, _ *unit.Env, _ *Config) (*service, error) {
	return &service{}, nil
}
