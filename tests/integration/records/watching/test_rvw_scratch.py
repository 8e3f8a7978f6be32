from __future__ import annotations
import asyncio, gc, os, sys, subprocess, json
from pathlib import Path
import pytest
from tests.integration.records.watching.test_watch_served import *

CLIENT = r'''
import sys, asyncio, grpc
async def main(endpoint, n, path):
    options=[("grpc.use_local_subchannel_pool",1),("grpc.http2.lookahead_bytes",65536),("grpc.http2.bdp_probe",0)]
    chans=[grpc.aio.insecure_channel(endpoint, options=options) for _ in range(n//50)]
    calls=[]
    for c in chans:
        for _ in range(50):
            calls.append(c.unary_stream(path)(b"", metadata=(("authorization","Bearer "+sys.argv[4]),)))
    await asyncio.sleep(12)
asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
'''

def rss(): return int([l for l in open("/proc/self/status") if "VmRSS" in l][0].split()[1])//1024

async def test_mem(served):
    for n in range(40):
        await served.berth(f"b{n}", "x", plan=os.urandom(100_000))
    before=rss()
    p=await asyncio.create_subprocess_exec(sys.executable,"-c",CLIENT,served.endpoint,"1000",SERVICE+"WatchBerths",ADMIN)
    peak=0
    for _ in range(20):
        await asyncio.sleep(0.5); peak=max(peak,rss())
    print("\nRSS before",before,"peak",peak,"per stream KiB",(peak-before)*1024/1000, len(served.harbour.engine.watching._watches), served.harbour.engine.watching._watches.total())
    await p.wait()
