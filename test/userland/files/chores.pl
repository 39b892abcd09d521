# What Perl asks of a kernel: processes, pipes, signals, files, timers, threads.
use strict;
use warnings;
use threads;
use Errno qw(:POSIX);
use Fcntl qw(:DEFAULT :flock :mode SEEK_SET);
use File::Temp qw(tempdir);
use IO::Select;
use IPC::Open3;
use POSIX ();
use Time::HiRes qw(time sleep);

$| = 1;
my $folder = tempdir(CLEANUP => 1);
chdir $folder or die;

# Children and their ends.
my @statuses = map { my $n = $_; my $pid = fork // die; exit $n if !$pid; waitpid $pid, 0; $? >> 8 } 0 .. 5;
print "statuses @statuses\n";
my $pid = fork // die;
if (!$pid) { sleep 100; exit }
kill TERM => $pid;
waitpid $pid, 0;
printf "killed by %d\n", $? & 127;

# A pipe both ways through a program.
my $child = open3(my $in, my $out, undef, "sort", "-rn");
print $in "$_\n" for 1 .. 5;
close $in;
chomp(my @sorted = <$out>);
waitpid $child, 0;
print "sorted @sorted\n";
print "backticks ", join(",", map { chomp; $_ } `printf 'a\\nb\\n'`), "\n";

# Signals.
my @caught;
local $SIG{USR1} = sub { push @caught, "USR1" };
local $SIG{ALRM} = sub { die "alarm\n" };
kill USR1 => $$;
print "caught @caught\n";
eval { alarm 1; select undef, undef, undef, 60; };
print "after select: $@";
my $set = POSIX::SigSet->new(POSIX::SIGUSR1());
POSIX::sigprocmask(POSIX::SIG_BLOCK(), $set);
kill USR1 => $$;
my $pending = POSIX::SigSet->new;
POSIX::sigpending($pending);
printf "pending %d, caught %d\n", $pending->ismember(POSIX::SIGUSR1()), scalar @caught;
POSIX::sigprocmask(POSIX::SIG_UNBLOCK(), $set);
printf "caught %d\n", scalar @caught;

# Files.
sysopen my $file, "file", O_RDWR | O_CREAT | O_EXCL, 0640 or die;
printf "mode %o size %d\n", (stat $file)[2] & 07777, -s $file;
print "again: ", sysopen(my $other, "file", O_RDWR | O_CREAT | O_EXCL) ? "?" : $!{EEXIST} ? "EEXIST" : $!, "\n";
syswrite $file, "0123456789" x 1000;
sysseek $file, 4321, SEEK_SET;
sysread $file, my $piece, 9;
print "piece $piece\n";
truncate $file, 10;
print "size ", -s "file", "\n";
flock $file, LOCK_EX or die;
open my $second, "<", "file" or die;
print "locked: ", flock($second, LOCK_SH | LOCK_NB) ? "?" : $!{EWOULDBLOCK} ? "EWOULDBLOCK" : $!, "\n";
symlink "file", "link";
link "file", "hard";
print "link ", readlink "link", ", links ", (stat "file")[3], "\n";
mkdir "d$_" for 1 .. 3;
opendir my $dir, "." or die;
print "entries ", join(" ", sort grep { !/^\./ } readdir $dir), "\n";
rename "hard", "d1/moved";
utime 1, 2, "file";
print "times ", join(" ", (stat "file")[8, 9]), "\n";
print "rmdir: ", rmdir("d1") ? "?" : $!{ENOTEMPTY} ? "ENOTEMPTY" : $!, "\n";

# Many pipes at once.
my $select = IO::Select->new;
my %said;
for my $n (1 .. 8) {
    my $pid = open(my $pipe, "-|") // die;
    if (!$pid) { sleep 0.01 * $n; print "child $n\n" x $n; exit }
    $select->add($pipe);
}
while ($select->count) {
    for my $pipe ($select->can_read) {
        if (sysread $pipe, my $bytes, 4096) { $said{$_}++ for split /\n/, $bytes }
        else { $select->remove($pipe); close $pipe }
    }
}
print join(", ", map { "$_: $said{$_}" } sort keys %said), "\n";

# Threads.
my @threads = map { my $from = $_; threads->create(sub { my $s = 0; $s += $_ for $from .. $from + 9999; $s }) } 0, 10000, 20000;
my $sum = 0;
$sum += $_->join for @threads;
print "threads $sum\n";

my $start = time;
sleep 0.2;
print "slept ", (time - $start >= 0.2 ? "enough" : "too little"), "\n";
my ($user, $system) = times;
print "times ", ($user > 0 && $system >= 0 ? "good" : "bad"), "\n";
print "uname ", scalar(my @names = POSIX::uname()), " ", (POSIX::uname())[0], "\n";
print "sysconf ", POSIX::sysconf(POSIX::_SC_PAGESIZE()), "\n";
print "root ", join(" ", $<, $>, scalar getpwuid $<), "\n";
