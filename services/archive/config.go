package archive

// Config are the settings of the unit; settings.yaml names each of them.
type Config struct{}

// Default returns the settings for which the files name nothing else.
func Default() *Config { return &Config{} }

// Validate returns every problem.
func (*Config) Validate() error { return nil }
