package asic

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// The records of a ZIP archive (APPNOTE 4.3), each in the one spelling of this package.
const (
	localSignature   = 0x04034b50
	centralSignature = 0x02014b50
	endSignature     = 0x06054b50

	localBytes   = 30
	centralBytes = 46
	endBytes     = 22

	// version 1.0: stored files in no folder of their own.
	version = 10
	// firstDate is 1980-01-01, the first that can be written: the container tells no other time than its signatures do.
	firstDate = 1<<5 | 1

	// MaxBytes bounds a container: without the extensions for large archives (ZIP64) no offset is larger.
	MaxBytes = math.MaxUint32
	// MaxFiles bounds the files of a container.
	MaxFiles = 512
)

// table of the CRC that ZIP uses.
var table = crc32.IEEETable

// header is what local and central header say alike.
func (f *File) header(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, version)
	b = binary.LittleEndian.AppendUint16(b, 0) // flags
	b = binary.LittleEndian.AppendUint16(b, 0) // stored
	b = binary.LittleEndian.AppendUint16(b, 0) // time
	b = binary.LittleEndian.AppendUint16(b, firstDate)
	b = binary.LittleEndian.AppendUint32(b, f.CRC)
	b = binary.LittleEndian.AppendUint32(b, uint32(f.Size))      //nolint:gosec // bounded by MaxBytes
	b = binary.LittleEndian.AppendUint32(b, uint32(f.Size))      //nolint:gosec // bounded by MaxBytes
	b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Name))) //nolint:gosec // at most maxNameBytes
	return binary.LittleEndian.AppendUint16(b, 0)                // extra field
}

func (f *File) local() []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, localBytes+len(f.Name)), localSignature)
	return append(f.header(b), f.Name...)
}

func (f *File) central() []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, centralBytes+len(f.Name)), centralSignature)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = f.header(b)
	b = append(b, make([]byte, 10)...)                        // comment, disk, attributes
	b = binary.LittleEndian.AppendUint32(b, uint32(f.offset)) //nolint:gosec // bounded by MaxBytes
	return append(b, f.Name...)
}

// end is the last record; the directory begins at an offset and has a length.
func end(files int, offset, length int64) []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, endBytes), endSignature)
	b = binary.LittleEndian.AppendUint32(b, 0)              // disks
	b = binary.LittleEndian.AppendUint16(b, uint16(files))  //nolint:gosec // at most MaxFiles
	b = binary.LittleEndian.AppendUint16(b, uint16(files))  //nolint:gosec // at most MaxFiles
	b = binary.LittleEndian.AppendUint32(b, uint32(length)) //nolint:gosec // bounded by MaxBytes
	b = binary.LittleEndian.AppendUint32(b, uint32(offset)) //nolint:gosec // bounded by MaxBytes
	return binary.LittleEndian.AppendUint16(b, 0)           // comment
}
