#!/usr/bin/env python3
"""remote-developer-step devpod and pod: which pod it is, and what is said where there is none. The cluster is a
stand-in."""

import json

from pods import in_pod
from step import OTHER, TASK, check, contains, lacks, main, same


def devpod(p, name='my-pod', status=0, task=TASK):
    return p.f.run('devpod', '--name', name, task=task, status=status)


def known(p, task=TASK):
    report = p.f.report('pod.json', task)
    return report['namespace'], report['pod']


@in_pod
def test_a_workspace_that_devpod_does_not_know_is_made_on_kubernetes(p):
    devpod(p)
    same(known(p), ('devpod', 'devpod-default-my-pod-1'))
    same([c for c in p.cluster.calls if c[0] == 'devpod'],
         [['devpod', 'list', '--output', 'json'],
          ['devpod', 'up', 'my-pod', '--ide', 'none', '--provider', 'kubernetes', '--source',
           f'local:{p.f.root}/devpods/my-pod']])
    same(p.cluster.calls[-1], ['kubectl', 'exec', '--stdin', '--namespace', 'work', 'pod-0', *p.cluster.calls[-1][6:]],
         'the work in the pod of before is ended')


@in_pod
def test_a_workspace_that_is_there_is_started_as_it_is(p):
    p.cluster.workspaces.add('my-pod')
    devpod(p, task=OTHER)
    same(p.cluster.calls[-3:], [
        ['devpod', 'list', '--output', 'json'], ['devpod', 'up', 'my-pod', '--ide', 'none'],
        ['kubectl', 'get', 'pods', '--namespace', 'devpod', '--selector', 'devpod.sh/workspace=my-pod', '--output',
         'json', '--request-timeout=30s']])
    same(oct((p.f.root / 'reports' / OTHER / 'pod.json').stat().st_mode & 0o777), '0o640')


@in_pod
def test_a_further_attempt_finds_another_pod_and_ends_the_work_in_the_one_before(p):
    devpod(p)
    first = p.cluster.pods[-1]
    step = p.begin_sh('echo up; sleep 1000')
    same(step.stdout.readline(), b'up\n')
    step.kill()
    step.communicate()
    check(p.cluster.work(TASK), 'the work goes on without a reader')
    first.workspace = 'gone'
    contains(devpod(p), f'attempt before was in the pod {first.name}')
    same(known(p)[1], p.cluster.pods[-1].name)
    check(known(p)[1] != first.name, 'another pod', first.name)
    same(p.cluster.work(TASK), [])


@in_pod
def test_a_pod_of_before_that_is_gone_is_no_hindrance(p):
    p.pod.phase = 'Failed'
    devpod(p)
    p.cluster.pods.pop()
    devpod(p)
    same(known(p)[1], p.cluster.pods[-1].name)


@in_pod
def test_what_devpod_says_when_it_fails_is_told(p):
    p.cluster.up_failure = 'info Creating\nfatal the cluster is full'
    contains(devpod(p, status=1), 'devpod up ended with 1: fatal the cluster is full')
    same(known(p)[1], 'pod-0', 'what was known stays')


@in_pod
def test_what_kubectl_says_when_it_fails_is_told(p):
    p.cluster.get_failure = 'Unable to connect to the server: x509: certificate has expired'
    contains(devpod(p, status=1), 'kubectl get ended with 1: Unable to connect to the server: x509')


@in_pod
def test_no_pod_several_pods_and_one_that_does_not_run(p):
    p.cluster.finds_no_pod = True
    contains(devpod(p, status=1), 'there is no pod with the label devpod.sh/workspace=my-pod')
    waiting = p.cluster.add_pod('waiting', 'devpod', 'my-pod')
    waiting.phase = 'Pending'
    contains(devpod(p, status=1), 'The pod waiting in the namespace devpod does not run: it is Pending')
    going = p.cluster.add_pod('going', 'devpod', 'my-pod')
    going.is_deleted = True
    contains(devpod(p, status=1), 'does not run')
    p.cluster.add_pod('one', 'devpod', 'my-pod')
    devpod(p)
    same(known(p), ('devpod', 'one'), 'the one that runs')
    p.cluster.add_pod('two', 'devpod', 'my-pod')
    contains(devpod(p, status=1), 'More than one pod runs', 'one and two')


@in_pod
def test_names_that_kubectl_would_take_for_something_else_are_refused(p):
    for name in '--help', 'a,b=c', 'A', 'a b', '', 'x' * 64, 'deployment/x', 'a\n', '.a':
        before = len(p.cluster.calls)
        contains(p.f.run('devpod', f'--name={name}', status=1), 'no name of a DevPod workspace')
        same(len(p.cluster.calls), before, f'nothing was asked for {name!r}')
    for namespace, pod in ('n', 'deployment/x'), ('n n', 'x'), ('n', '-x'), ('n', 'x' * 254), ('', 'x'):
        contains(p.f.run('pod', f'--namespace={namespace}', f'--pod={pod}', status=1), 'no name of Kubernetes')


@in_pod
def test_an_existing_pod_is_taken_when_it_runs(p):
    same(known(p), ('work', 'pod-0'))
    same(p.cluster.calls[0], ['kubectl', 'get', 'pod', 'pod-0', '--namespace', 'work', '--output', 'json',
                              '--request-timeout=30s'])
    for phase in 'Pending', 'Succeeded', 'Failed':
        p.pod.phase = phase
        contains(p.f.run('pod', '--namespace', 'work', '--pod', 'pod-0', status=1), f'it is {phase}')
    p.pod.phase, p.pod.is_deleted = 'Running', True
    contains(p.f.run('pod', '--namespace', 'work', '--pod', 'pod-0', status=1), 'it is Terminating')
    contains(p.f.run('pod', '--namespace', 'work', '--pod', 'other', status=1), '(NotFound): pods "other" not found')


@in_pod
def test_a_program_that_is_not_there_is_named_with_the_remedy(p):
    for name in 'devpod', 'kubectl':
        p.f.environment['PATH'] = '/usr/bin:/bin' if name == 'devpod' else str(p.f.top / 'only')
        if name == 'kubectl':
            contains(p.f.run('pod', '--namespace', 'work', '--pod', 'pod-0', status=1),
                     'The program kubectl is not there: install it')
            contains(p.f.run('pod-run', '--', 'true', status=1), 'The program kubectl is not there: install it')
        else:
            contains(devpod(p, status=1), 'The program devpod is not there: install it')


@in_pod
def test_without_a_pod_the_other_steps_say_so(p):
    for verb, *words in ('pod-run', '--', 'true'), ('pod-workspace', '--repository', '/x'), ('pod-review',):
        contains(p.f.run(verb, *words, task=OTHER, status=1), 'No pod is known for this task')
    same(p.f.report('review.json', OTHER)['ok'], False)


@in_pod
def test_a_report_that_names_nonsense_leads_nowhere(p):
    path = p.f.root / 'reports' / TASK / 'pod.json'
    for text in '{"namespace": "a", "pod": "--help"}', '{"namespace": "a"}', '[]', 'x', '{"namespace":"a","pod":1}':
        path.write_text(text)
        p.f.run('pod-run', '--', 'true', status=1)
    lacks(json.dumps(p.cluster.calls), '--help')
    p.take_pod()
    same(known(p), ('work', 'pod-0'))


@in_pod
def test_what_is_missing_on_the_command_line_is_usage(p):
    for words in ('devpod',), ('pod', '--pod', 'x'), ('pod-run',), ('pod-run', '--'), ('pod-workspace',), \
            ('pod-review', 'x'), ('pod-run', '--lease', '0', '--', 'a'), ('pod-run', '--silence', 'x', '--', 'a'):
        contains(p.f.run(*words, status=2), 'pod-review --root=DIR --task=ID')


if __name__ == '__main__':
    main()
