/**
 * Objects that weights do not need. Nothing of a pickle is ever executed here; what is told apart is what may be left out unread, an object of some class of a training
 * script or a library, and what is refused because PyTorch itself would run it: functions, and classes of Python's own library, with which files attack.
 */

/** Python's modules that run, open or import something; those of its classes that training scripts keep are listed by name. */
const pythons = new Set(
  (
    "abc aifc ast asyncio atexit base64 bdb binascii bz2 builtins cmd code codecs codeop collections commands compileall concurrent configparser contextlib copy copyreg " +
    "cProfile cgi cgitb ctypes curses dbm difflib dis distutils doctest email ensurepip fileinput fnmatch ftplib functools gc getpass glob gzip hmac html http " +
    "idlelib imaplib imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox marshal mimetypes mmap modulefinder " +
    "multiprocessing netrc nntplib nt ntpath operator optparse os pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint " +
    "profile pstats pty py_compile pyclbr pydoc queue random re readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal " +
    "site smtpd smtplib socket socketserver sqlite3 ssl stat string subprocess symtable sys sysconfig syslog tarfile telnetlib tempfile test threading timeit " +
    "tkinter token tokenize trace traceback tracemalloc tty turtle types typing unittest urllib uu venv warnings wave weakref webbrowser winreg winsound wsgiref xml " +
    "xmlrpc zipapp zipfile zipimport zlib _io _pickle _posixsubprocess _thread _winapi __main__.__builtins__ pip setuptools"
  ).split(" "),
)

/** Is the name a class's, as Python's people write them, of a module that is not Python's own? Objects of it are left out unread. */
export const isLeftOut = (name: string): boolean => {
  const parts = name.split(".")
  const [top] = parts as [string]
  // Only a class of a module: a dotted attribute could be anything.
  return (
    parts.length > 1 &&
    !pythons.has(top) &&
    parts.every((part) => /^\w+$/.test(part)) &&
    /^_*[A-Z]/.test(parts.at(-1)!) &&
    parts.filter((part) => /^_*[A-Z]/.test(part)).length === 1
  )
}
