package unit

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

type settings struct{ Named string }

func (*settings) Validate() error { return nil }

// A unit must serve every service that it offers at the doors.
func TestDoorsAreServed(t *testing.T) {
	t.Parallel()
	served := map[string]grpc.ServiceInfo{}
	require.ErrorContains(t, checkDoors(nil, served), "and not served", "what every unit offers")
	for _, d := range PlatformDoors() {
		served[d.Service] = grpc.ServiceInfo{}
	}
	require.NoError(t, checkDoors(nil, served))
	require.ErrorContains(t, checkDoors([]Door{{Service: platformv1.JournalService_ServiceDesc.ServiceName}}, served), "naru.platform.v1.JournalService")
}

// A unit can be built only with settings of its own type.
func TestSettingsAreTheUnitsOwn(t *testing.T) {
	t.Parallel()
	u := Spec[*settings, string]{
		Name: "ferry", Settings: "named: ferry # Yours.\n", Defaults: func() *settings { return &settings{Named: "default"} },
		Build: func(_ context.Context, _ *Env, s *settings) (string, error) { return s.Named, nil },
	}.Unit()
	require.Equal(t, &settings{Named: "default"}, u.NewConfig())
	_, err := u.Build(t.Context(), &Env{}, u.NewConfig())
	require.NoError(t, err)
	_, err = u.Build(t.Context(), &Env{}, DefaultProcess())
	require.ErrorContains(t, err, "the configuration is a *unit.Process")

	var told bytes.Buffer
	require.Equal(t, ExitOK, run(t.Context(), u, []string{"-example"}, &told, &told))
	require.Equal(t, u.Settings, told.String())
}

// A unit starts after those it requires; two that require each other start all the same.
func TestUnitsAreOrdered(t *testing.T) {
	t.Parallel()
	unit := func(name string, requires ...string) Unit {
		return Spec[*settings, string]{
			Name: name, Requires: requires, Defaults: func() *settings { return &settings{} },
			Build: func(context.Context, *Env, *settings) (string, error) { return name, nil },
		}.Unit()
	}
	sorted, err := ordered([]Unit{unit("pier", "ferry", "elsewhere"), unit("ferry", "river"), unit("river", "ferry")})
	require.NoError(t, err)
	var names []string
	for _, u := range sorted {
		names = append(names, u.Name)
	}
	require.Equal(t, []string{"river", "ferry", "pier"}, names)
	_, err = ordered([]Unit{unit("pier"), unit("pier")})
	require.ErrorContains(t, err, "given twice")
}
