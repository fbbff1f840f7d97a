package kelpie

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Changes within this time are written together.
const fileSettleTime = 500 * time.Millisecond

// storedFile is a small file with the newest state of something that changes. The whole content is written under another
// name, synced to the disk, and then renamed: a reader gets the old state or the new one, and never half of one.
type storedFile struct {
	path   string
	failed func(error)
	mu     sync.Mutex
	// Makes the bytes to write next; nil: nothing has changed.
	next  func() []byte
	timer *time.Timer
	// Held during a write, so that the older one never replaces the newer.
	writing sync.Mutex
}

// The content of the file; nil if there is none. FILE_INVALID if it cannot be read.
func (f *storedFile) load() ([]byte, error) {
	bytes, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(f.path, err)
	}
	return append([]byte{}, bytes...), nil
}

func unreadable(path string, err error) error {
	return &Error{Reason: ReasonFileInvalid, Permanent: true, cause: err, Message: fmt.Sprintf(
		"%s cannot be read (%v); remove it to start without it", path, err)}
}

// save writes the newest bytes soon. make runs off the lock of the session, later.
func (f *storedFile) save(make func() []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = make
	if f.timer == nil {
		f.timer = time.AfterFunc(fileSettleTime, f.write)
	}
}

func (f *storedFile) write() {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.mu.Lock()
	next := f.next
	f.next, f.timer = nil, nil
	f.mu.Unlock()
	if next == nil {
		return
	}
	if err := f.replace(next()); err != nil {
		f.failed(err)
	}
}

func (f *storedFile) replace(bytes []byte) error {
	if err := writeSynced(f.path+".new", bytes, os.O_TRUNC, 0o644); err != nil {
		return err
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		return err
	}
	syncFolder(f.path)
	return nil
}

// Writes the newest state now, and returns when no write runs.
func (f *storedFile) close() {
	f.mu.Lock()
	if f.timer != nil {
		f.timer.Stop()
	}
	f.mu.Unlock()
	f.write()
}
