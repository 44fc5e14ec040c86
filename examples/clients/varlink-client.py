#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A judge over varlink: JSON objects that end with NUL, on a UNIX stream socket; descriptors travel beside them."""

import array
import json
import os
import socket
import sys

SOCKET = '/run/judgebox/org.judgebox'
PROGRAM = b'#!/bin/sh\nread a b\necho $((a + b))\n'
TESTS = ((b'1 2\n', b'3'), (b'40 2\n', b'42'))


class Judgebox:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)

    def call(self, method, parameters, fds=()):
        """Fields that end in FileDescriptor are indexes into fds; gives the reply and the descriptors that came with it."""
        message = json.dumps({'method': f'org.judgebox.Manager.{method}', 'parameters': parameters}).encode() + b'\0'
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        sent = self.socket.sendmsg([message], rights)
        self.socket.sendall(message[sent:])

        data, received = b'', []
        while not data.endswith(b'\0'):
            piece, some, _, _ = socket.recv_fds(self.socket, 1 << 16, 16)
            if not piece:
                raise EOFError('judgeboxd hung up')
            data += piece
            received += some
        reply = json.loads(data[:-1])
        if 'error' in reply:
            raise RuntimeError(f'{method}: {reply["error"]} {reply["parameters"]}')
        return reply['parameters'], received


def file_of(content):
    """A file without a name, from its beginning."""
    fd = os.memfd_create('judge')
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def main():
    judgebox = Judgebox(sys.argv[1] if len(sys.argv) > 1 else SOCKET)
    box = judgebox.call('CreateBox', {'settings': {'storageBytes': 16 << 20}})[0]['box']
    good = 0
    try:
        program = file_of(PROGRAM)
        for number, (given, wanted) in enumerate(TESTS, 1):
            reply, fds = judgebox.call('Run', {
                'box': box,
                'arguments': ['./program'],
                'inFiles': [{'fileDescriptor': 0, 'path': 'program', 'executable': True}],
                'stdin': {'fileDescriptor': 1},
                'stdout': {'capture': True},
                'limits': {'cpuTimeUSec': 1_000_000, 'memoryBytes': 64 << 20},
            }, [program, file_of(given)])
            result = reply['result']
            output = os.pread(fds[reply['stdoutFileDescriptor']], 1000, 0)
            verdict = result['verdict']
            if verdict == 'ok' and output.split() != wanted.split():
                verdict = 'wrong-answer'
            print(f'test {number}: {verdict}, {result["cpuTimeUSec"] / 1000:.1f} ms')
            good += verdict == 'ok'
    finally:
        judgebox.call('DestroyBox', {'box': box})
    return 0 if good == len(TESTS) else 1


sys.exit(main())
