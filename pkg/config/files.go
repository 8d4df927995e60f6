package config

import (
	"fmt"
	"os"
	"reflect"
)

// Missing reports every file that a loaded configuration names and that cannot be read: fields, and lists of them, whose struct
// tag says reads:"file". Files of secrets need no tag, since Load reads them itself.
func Missing(configuration any) error {
	var problems Problems
	missing("", reflect.ValueOf(configuration), &problems)
	return problems.Err()
}

func missing(path string, v reflect.Value, problems *Problems) {
	switch v.Kind() { //nolint:exhaustive // nothing else holds fields
	case reflect.Pointer:
		if !v.IsNil() {
			missing(path, v.Elem(), problems)
		}
	case reflect.Slice:
		for i := range v.Len() {
			missing(fmt.Sprintf("%s[%d]", path, i), v.Index(i), problems)
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			missing(join(path, iter.Key().String()), iter.Value(), problems)
		}
	case reflect.Struct:
		fields(v, func(name string, field reflect.StructField, value reflect.Value) {
			if at := join(path, name); field.Tag.Get("reads") == "file" {
				unreadable(at, value, problems)
			} else {
				missing(at, value, problems)
			}
		})
	}
}

// unreadable tries one field, or each element of a list.
func unreadable(path string, value reflect.Value, problems *Problems) {
	if value.Kind() == reflect.Slice {
		for i := range value.Len() {
			unreadable(fmt.Sprintf("%s[%d]", path, i), value.Index(i), problems)
		}
		return
	}
	name := value.String()
	if name == "" {
		return
	}
	file, err := os.Open(name) //nolint:gosec // the operator's own files
	if err != nil {
		problems.Add(path, "names a file that cannot be read: %v", err)
		return
	}
	defer func() { _ = file.Close() }() // only read
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		problems.Add(path, "names what is no file")
	}
}
