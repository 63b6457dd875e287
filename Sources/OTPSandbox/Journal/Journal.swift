#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The calls that the sandbox saw: the newest ones in memory, all of them in a file if one is named.
///
/// The file is written in batches: a line is there once ``flush()`` has run.
struct Journal: ~Copyable {
    private let capacity: Int
    private var entries: [JournalEntry] = []
    /// Where the oldest entry is, once the capacity is reached.
    private var oldest = 0
    private let file: CInt?
    private var unwritten: [UInt8] = []
    /// The `errno` of the write that failed first; nothing is written after it.
    private(set) var fileError: CInt?

    /// Opens `path` for appending.
    ///
    /// - Throws: ``SandboxError`` when it cannot be opened.
    init(capacity: Int, path: String?) throws {
        self.capacity = max(1, capacity)
        file = try path.map { path in
            let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw SandboxError.file(path: path, cause: String(cString: strerror(errno))) }
            return file
        }
    }

    deinit {
        if let file { close(file) }
    }

    /// Adds an entry; true means that the file waits for a ``flush()`` that nobody has been told about.
    mutating func append(_ entry: JournalEntry) -> Bool {
        if entries.count < capacity {
            entries.append(entry)
        } else {
            entries[oldest] = entry
            oldest = (oldest + 1) % capacity
        }
        guard file != nil, fileError == nil else { return false }
        let isFirst = unwritten.isEmpty
        unwritten.append(contentsOf: entry.json.utf8)
        unwritten.append(UInt8(ascii: "\n"))
        return isFirst
    }

    /// The entries in memory, oldest first, from the one after `sequence` on.
    func entries(after sequence: Int) -> [JournalEntry] {
        (entries[oldest...] + entries[..<oldest]).filter { $0.sequence > sequence }
    }

    /// Forgets what is in memory; the file stays.
    mutating func removeAll() {
        entries = []
        oldest = 0
    }

    /// Writes what the file lacks.
    mutating func flush() {
        guard let file else { return }
        var written = 0
        while written < unwritten.count {
            let count = unwritten[written...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                fileError = errno
                break
            }
            written += count
        }
        unwritten.removeAll(keepingCapacity: true)
    }
}

/// Why a sandbox could not start.
package enum SandboxError: Error, CustomStringConvertible {
    /// A file that the configuration names could not be opened or written.
    case file(path: String, cause: String)

    package var description: String {
        switch self {
        case .file(let path, let cause): "cannot write \(path): \(cause)"
        }
    }
}
